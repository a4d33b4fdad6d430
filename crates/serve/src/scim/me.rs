//! `/Me`: the account of the person in whose name a token acts, found by their address (RFC 7644 §3.11). Whatever is
//! asked there is then asked of that user, under the address that it has for everybody.
//! It knows nothing of what is asked.

use super::list::Scene;
use super::write::is_login;
use tenure_scim::ScimError;

impl Scene<'_> {
    /// Finds the id of the account of the token's owner.
    ///
    /// # Errors
    /// 501: the token acts in nobody's name who could have an account. 404: they have none here.
    pub async fn me(&self) -> Result<String, ScimError> {
        let owner = self.knock.bearer.owner.trim();
        if !owner.contains('@') {
            let because =
                "the token acts in the name of nobody who has an address; `tenure token create --as` says whose";
            return Err(ScimError::new(501, because));
        }
        let known = self.look_up(owner).await?;
        let mut mine = known.iter().filter(|held| held.is_shown(self.shape));
        let by_login = mine.clone().find(|held| is_login(held, owner));
        let mine = by_login.or_else(|| mine.next());
        mine.map(super::account::Held::id)
            .ok_or_else(|| ScimError::new(404, "the person in whose name the token acts has no account here"))
    }
}
