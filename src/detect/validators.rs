//! What a value must pass besides its pattern, by name.
//!
//! Owns the names that rules may use. A validator is a pure function of the value as it stands, separators
//! included; it must never look at what stands around.

mod bank;
mod cards;
mod dates;
mod digits;
mod documents;
mod encoded;
mod expressions;
mod health;
mod ids_america;
mod ids_asia;
mod ids_east;
mod ids_north;
mod ids_south;
mod ids_southern;
mod ids_west;
mod keccak;
mod network;
mod phones;
mod secrets;
mod tools;
#[cfg(test)]
mod sampling;
mod wallets;
mod wording;

/// Whether a value is what it looks like.
pub(super) type Validator = fn(&str) -> bool;

/// Makes [`NAMES`] and [`named`] of one list.
macro_rules! validators {
    ($($name:literal => $check:path,)*) => {
        /// The names of all validators.
        pub(super) const NAMES: &[&str] = &[$($name),*];

        /// The validator of a name.
        pub(super) fn named(name: &str) -> Option<Validator> {
            match name {
                $($name => Some($check),)*
                _ => None,
            }
        }
    };
}

validators! {
    "ae-id" => ids_asia::ae_id,
    "any-card" => cards::any_card,
    "ar-cuit" => ids_america::ar_cuit,
    "at-svnr" => ids_west::at_svnr,
    "au-medicare" => health::au_medicare,
    "au-tfn" => ids_southern::au_tfn,
    "baltic" => ids_north::baltic,
    "base58check" => wallets::base58check,
    "basic-auth" => encoded::basic_auth,
    "be-register" => ids_west::be_register,
    "bech32" => wallets::bech32,
    "beyond-ascii" => network::beyond_ascii,
    "bg-egn" => ids_east::bg_egn,
    "bic" => bank::bic,
    "birth-date" => dates::birth_date,
    "br-cnpj" => ids_america::br_cnpj,
    "br-cpf" => ids_america::br_cpf,
    "ca-sin" => ids_america::ca_sin,
    "card" => cards::card,
    "ch-ahv" => ids_west::ch_ahv,
    "cl-rut" => ids_america::cl_rut,
    "cn-resident" => ids_asia::cn_resident,
    "cz-rodne-cislo" => ids_east::cz_rodne_cislo,
    "de-identity-card" => ids_west::de_identity_card,
    "de-tax-id" => ids_west::de_tax_id,
    "dk-cpr" => ids_north::dk_cpr,
    "dk-cpr-birth" => ids_north::dk_cpr_birth,
    "ec-cedula" => ids_america::ec_cedula,
    "eip-55" => wallets::eip_55,
    "email" => network::email,
    "es-dni" => ids_south::es_dni,
    "fi-hetu" => ids_north::fi_hetu,
    "fr-nir" => ids_west::fr_nir,
    "gr-afm" => ids_south::gr_afm,
    "gr-amka" => ids_south::gr_amka,
    "hk-hkid" => ids_asia::hk_hkid,
    "hr-oib" => ids_east::hr_oib,
    "iban" => bank::iban,
    "id-nik" => ids_asia::id_nik,
    "ie-pps" => ids_west::ie_pps,
    "il-id" => ids_south::il_id,
    "in-aadhaar" => ids_asia::in_aadhaar,
    "ipv4" => network::ipv4,
    "ipv6" => network::ipv6,
    "is-kennitala" => ids_north::is_kennitala,
    "it-codice-fiscale" => ids_south::it_codice_fiscale,
    "jp-my-number" => ids_asia::jp_my_number,
    "jwt" => encoded::jwt,
    "kr-rrn" => ids_asia::kr_rrn,
    "kr-rrn-birth" => ids_asia::kr_rrn_birth,
    "kz-iin" => ids_asia::kz_iin,
    "luhn" => cards::luhn,
    "mac" => network::mac,
    "mrz" => documents::mrz,
    "mrz-card" => documents::mrz_card,
    "mx-curp" => ids_america::mx_curp,
    "mx-rfc" => ids_america::mx_rfc,
    "my-nric" => ids_asia::my_nric,
    "nl-bsn" => ids_west::nl_bsn,
    "no-fodselsnummer" => ids_north::no_fodselsnummer,
    "not-placeholder" => secrets::not_placeholder,
    "nz-ird" => ids_southern::nz_ird,
    "password" => secrets::password,
    "phone-announced" => phones::announced,
    "phone-chinese" => phones::chinese_mobile,
    "phone-international" => phones::international,
    "phone-north-american" => phones::north_american,
    "phone-trunk-zero" => phones::with_trunk_zero,
    "pl-pesel" => ids_east::pl_pesel,
    "pt-nif" => ids_south::pt_nif,
    "random" => secrets::random,
    "ripple" => wallets::ripple,
    "ro-cnp" => ids_east::ro_cnp,
    "ru-inn" => ids_east::ru_inn,
    "ru-snils" => ids_east::ru_snils,
    "se-personnummer" => ids_north::se_personnummer,
    "seed-phrase" => secrets::seed_phrase,
    "sg-nric" => ids_asia::sg_nric,
    "solana" => wallets::solana,
    "ssn" => ids_america::us_ssn,
    "strong-password" => secrets::strong_password,
    "system-target" => tools::system_target,
    "th-id" => ids_asia::th_id,
    "token" => secrets::token,
    "tr-tckn" => ids_south::tr_tckn,
    "tw-id" => ids_asia::tw_id,
    "uk-nhs" => health::uk_nhs,
    "uk-nino" => ids_west::uk_nino,
    "url-password" => secrets::url_password,
    "us-dea" => health::us_dea,
    "us-itin" => ids_america::us_itin,
    "us-npi" => health::us_npi,
    "us-routing" => bank::us_routing,
    "whole-table" => tools::whole_table,
    "yu-jmbg" => ids_east::yu_jmbg,
    "za-id" => ids_southern::za_id,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_name_is_in_order_and_has_its_validator() {
        assert!(NAMES.is_sorted());
        assert!(NAMES.iter().all(|name| named(name).is_some()));
        assert!(named("nobody").is_none());
    }

    proptest! {
        #[test]
        fn no_validator_stumbles_over_any_text(text in ".{0,60}") {
            for name in NAMES {
                named(name).unwrap()(&text);
            }
        }

        #[test]
        fn no_validator_stumbles_over_numbers_of_any_length(text in "[0-9A-Z .:@/()+-]{0,90}") {
            for name in NAMES {
                named(name).unwrap()(&text);
            }
        }
    }
}
