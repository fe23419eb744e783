//! `hardening/service-account`: no pod can ask the cluster for anything.

use super::{Check, Context, Judged, NO_RUNNING_ACCOUNTS, NO_SERVICE_ACCOUNTS, NOTHING, POLICY, Rule, broken, must_be};
use crate::model::Container;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "hardening/service-account/own",
        title: "no pod uses the default service account",
        source: "IG BvC 019 (deny), APP.4.4.A9",
        expected: "an account of its own",
        help: "make a ServiceAccount and name it in `serviceAccountName`",
        denies: true,
        not_in: &[NO_SERVICE_ACCOUNTS, NO_RUNNING_ACCOUNTS],
        checks: &[Check::Containers(|container, _| match &container.account {
            None => broken(&container.pod, NOTHING),
            Some(account) if account.value == "default" => broken(&account.at, "`default`"),
            Some(_) => Judged::Holds,
        })],
        ..POLICY
    },
    Rule {
        id: "hardening/service-account/no-token",
        title: "no pod gets a token for the cluster's API",
        source: "IG BvC 020, APP.4.4.A9",
        expected: "`false`",
        help: "`automountServiceAccountToken: false`, of the pod or of its ServiceAccount",
        not_in: &[NO_SERVICE_ACCOUNTS, NO_RUNNING_ACCOUNTS],
        checks: &[Check::Containers(token)],
        ..POLICY
    },
];

/// The pod's own word counts; where it says nothing, that of its account.
fn token(container: &Container, context: &Context) -> Judged {
    let of_account = container.account.as_ref().and_then(|account| *context.accounts.get(account.value.as_str())?);
    match (&container.token, of_account) {
        (None, Some(token)) => must_be(false, &Some(token.clone()), &container.pod),
        (token, _) => must_be(false, token, &container.pod),
    }
}
