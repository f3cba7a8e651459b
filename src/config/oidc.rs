//! What the settings of `[admin.oidc]` need of each other.
//!
//! Owns these checks: who sets a part of it wants all of it. Pure.

use super::{Config, ConfigError, texts::Texts};

impl Texts {
    /// Whether sign-in at an identity provider is set up wholly, or not at all.
    pub(super) fn check_oidc(&self, config: &Config) -> Result<(), ConfigError> {
        let oidc = &config.admin.oidc;
        let has_a_secret = oidc.client_secret.is_some() || oidc.client_secret_file.is_some();
        let begun = oidc.client_id.is_some() || has_a_secret || !oidc.roles.is_empty();
        if oidc.issuer.is_none() {
            return match begun {
                true => Err(self.missing("admin.oidc.issuer", "the https:// URL of the provider")),
                false => Ok(()),
            };
        }
        if oidc.client_id.is_none() {
            return Err(self.missing("admin.oidc.client_id", "the gate's id at the provider"));
        }
        if oidc.roles.is_empty() {
            let expected = "claim=role pairs, such as gate-admins=admin: nobody else can sign in";
            return Err(self.missing("admin.oidc.roles", expected));
        }
        if config.server.public_url.is_none() {
            let expected = "the URL that browsers reach this gate by, which the provider sends \
                            them back to (admin.oidc.issuer is set)";
            return Err(self.missing("server.public_url", expected));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Inputs, Loaded, resolve};
    use crate::types::Role;

    const WHOLE: &str = "[server]\npublic_url = \"https://gate.example.com\"\n[admin.oidc]\n\
                         issuer = \"https://id.example.com/realms/corp\"\nclient_id = \"gate\"\n\
                         roles = \"gate-admins=admin, staff=viewer\"\n";

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Loaded, String> {
        let environment: Vec<_> = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let file = Some(("portcullis.toml", text));
        let inputs = Inputs { file, environment: &environment, overrides: &[], host_name: "h" };
        resolve(&inputs).map_err(|error| error.to_string())
    }

    #[test]
    fn it_is_read_from_the_file_and_from_the_environment() {
        let environment = [
            ("PORTCULLIS_ADMIN__OIDC__CLIENT_SECRET", "canary"),
            ("PORTCULLIS_ADMIN__OIDC__ROLE_CLAIM", "realm_access.roles"),
        ];
        let loaded = load(WHOLE, &environment).unwrap();
        let oidc = &loaded.config.admin.oidc;
        assert_eq!(oidc.issuer.as_deref(), Some("https://id.example.com/realms/corp"));
        let roles = [("gate-admins".to_owned(), Role::Admin), ("staff".to_owned(), Role::Viewer)];
        assert_eq!((&*oidc.roles, oidc.role_claim.as_str()), (&roles[..], "realm_access.roles"));
        assert_eq!(oidc.client_secret.as_ref().unwrap().expose(), "canary");
        assert_eq!(oidc.scopes, "openid profile email");
        assert!(!format!("{loaded:?}").contains("canary"));
        let shown = loaded.values.iter().find(|it| it.key == "admin.oidc.client_id").unwrap();
        assert_eq!((shown.shown.as_str(), shown.source.as_str()), ("gate", "portcullis.toml:5"));
    }

    #[test]
    fn a_part_of_it_is_no_configuration() {
        for (left_out, named) in [
            ("issuer", "admin.oidc.issuer"),
            ("client_id", "admin.oidc.client_id"),
            ("roles", "admin.oidc.roles"),
            ("public_url", "server.public_url"),
        ] {
            let rest = WHOLE.lines().filter(|line| !line.starts_with(left_out));
            let error = load(&rest.collect::<Vec<_>>().join("\n"), &[]).unwrap_err();
            assert!(error.contains(&format!("{named} is missing: expected ")), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_place() {
        for (line, says) in [
            ("scopes = \"profile\"", "expected openid and other scopes"),
            ("scopes = \"openid  email\"", "expected openid and other scopes"),
            ("issuer2 = \"x\"", "unknown key admin.oidc.issuer2; did you mean admin.oidc.issuer?"),
            (
                "client_secret = \"x\"\nclient_secret_file = \"y\"",
                "nothing, as admin.oidc.client_secret",
            ),
        ] {
            let error = load(&format!("{WHOLE}{line}\n"), &[]).unwrap_err();
            assert!(error.starts_with("portcullis.toml:") && error.contains(says), "{error}");
        }
        let error = load(&WHOLE.replace("=viewer", "=reader"), &[]).unwrap_err();
        assert!(error.starts_with("portcullis.toml:6: admin.oidc.roles = "), "{error}");
        assert!(error.contains("viewer, analyst"), "{error}");
        let error = load("[server.oidc]\nissuer = \"x\"\n", &[]).unwrap_err();
        assert!(error.contains("unknown key server.oidc"), "{error}");
        let stray = [("PORTCULLIS_ADMIN__OIDC__ISSUR", "x")];
        let error = load("", &stray).unwrap_err();
        assert!(error.contains("PORTCULLIS_ADMIN__OIDC__ISSUER?"), "{error}");
    }
}
