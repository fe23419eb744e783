//! The way in, where a token is needed.

use crate::view::View;
use axum::response::Html;
use maud::html;

/// The form.
pub(crate) async fn page(view: View) -> Html<String> {
    form(&view, false)
}

/// The form, after a token that was wrong if `again`.
pub(crate) fn form(view: &View, again: bool) -> Html<String> {
    let words = view.words;
    let markup = html! {
        h1 { (words.log_in) }
        p { (words.token_hint) }
        @if again { p.banner role="alert" { (words.wrong_token) } }
        form.login method="post" action="/login" {
            label { (words.token) " " input type="password" name="token" autocomplete="current-password" required autofocus; }
            button { (words.log_in) }
        }
    };
    Html(view.outside(words.log_in, markup).into_string())
}
