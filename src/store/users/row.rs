//! A user, as a row and as a value.
//!
//! Owns the translation between the two.

use crate::store::{ExternalIdentity, StoreError, clean, schema::users};
use crate::types::{Role, Sensitive, UnixMillis, text_enum};
use diesel::{AsChangeset, Insertable, Queryable, Selectable};

text_enum! {
    /// Where a user signs in.
    UserSource {
        /// Here, with a password.
        Password = "password",
        /// At the identity provider.
        Oidc = "oidc",
    }
}

/// What is needed to add a user.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Unique.
    pub username: String,
    /// What the user may do.
    pub role: Role,
    /// argon2, in its own text form; empty for users of the identity provider, and then good for nothing.
    pub password_hash: Sensitive<String>,
    /// Who the user is at the identity provider.
    pub identity: Option<ExternalIdentity>,
}

/// Somebody who may sign in to the dashboard.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct User {
    /// Unique.
    pub username: String,
    /// What the user may do.
    pub role: Role,
    /// Where the user signs in.
    pub source: UserSource,
    /// argon2, in its own text form; empty for users of the identity provider, and then good for nothing.
    pub password_hash: Sensitive<String>,
    /// Whether the user is kept from signing in.
    pub disabled: bool,
    /// Whether this is the administrator of the configuration.
    pub configured: bool,
    /// Who the user is at the identity provider.
    pub identity: Option<ExternalIdentity>,
    /// When the user was added.
    pub created_at: UnixMillis,
    /// When something of this last changed, but for the next.
    pub updated_at: UnixMillis,
    /// When the user last signed in.
    pub last_sign_in_at: Option<UnixMillis>,
}

#[derive(AsChangeset, Clone, Insertable, Queryable, Selectable)]
#[diesel(table_name = users, treat_none_as_default_value = false, treat_none_as_null = true)]
pub(super) struct Row {
    pub(super) username: String,
    pub(super) role: String,
    pub(super) password_hash: String,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) source: String,
    pub(super) disabled: bool,
    pub(super) configured: bool,
    pub(super) issuer: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) last_sign_in_at: Option<i64>,
}

impl Row {
    pub(super) fn of(new: &NewUser, now: UnixMillis) -> Self {
        let source = if new.identity.is_some() { UserSource::Oidc } else { UserSource::Password };
        let identity = new.identity.as_ref();
        Self {
            username: clean(&new.username),
            role: new.role.as_str().to_owned(),
            password_hash: new.password_hash.expose().clone(),
            created_at: now.0,
            updated_at: now.0,
            source: source.as_str().to_owned(),
            disabled: false,
            configured: false,
            issuer: identity.map(|identity| clean(&identity.issuer)),
            subject: identity.map(|identity| clean(&identity.subject)),
            last_sign_in_at: None,
        }
    }

    pub(super) fn identity(&self) -> Option<(&str, &str)> {
        self.issuer.as_deref().zip(self.subject.as_deref())
    }

    pub(super) fn user(self) -> Result<User, StoreError> {
        let corrupt = |what| StoreError::Corrupt { what };
        let identity = self.issuer.zip(self.subject);
        Ok(User {
            role: Role::parse(&self.role).ok_or(corrupt("users.role"))?,
            source: UserSource::parse(&self.source).ok_or(corrupt("users.source"))?,
            username: self.username,
            password_hash: Sensitive::new(self.password_hash),
            disabled: self.disabled,
            configured: self.configured,
            identity: identity.map(|(issuer, subject)| ExternalIdentity { issuer, subject }),
            created_at: UnixMillis(self.created_at),
            updated_at: UnixMillis(self.updated_at),
            last_sign_in_at: self.last_sign_in_at.map(UnixMillis),
        })
    }
}
