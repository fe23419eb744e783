//! `hardening/images`: it is known what runs, and where it comes from.

use super::{Check, Judged, NOTHING, POLICY, Rule, broken};
use crate::{bills::stem, model::Kind};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "hardening/images/version",
        title: "every image is named with its version",
        source: "IG BvC 003, SYS.1.6.A6",
        expected: "a tag or a digest",
        help: "write `image: NAME:VERSION` or `NAME@sha256:…`; beside `build`, too",
        checks: &[Check::Containers(|container, _| match &container.image {
            None => broken(&container.at, NOTHING),
            Some(image) if !is_versioned(&image.value) => broken(&image.at, format!("`{}`", image.value)),
            Some(_) => Judged::Holds,
        })],
        ..POLICY
    },
    Rule {
        id: "hardening/images/no-latest",
        title: "no image is whatever is the latest",
        source: "IG BvC 003, SYS.1.6.A6",
        expected: "a version",
        help: "name the version instead of `latest`",
        checks: &[Check::Containers(|container, _| match &container.image {
            Some(image) if tag(&image.value) == Some("latest") && !is_pinned(&image.value) => {
                broken(&image.at, format!("`{}`", image.value))
            }
            _ => Judged::Holds,
        })],
        ..POLICY
    },
    Rule {
        id: "hardening/images/registry",
        title: "every image comes from a registry that is allowed",
        source: "IG BvC 004, SYS.1.6.A6",
        expected: "an allowed registry",
        help: "take it from one of them, or allow its registry: `--registry`, or `image_registries` in the profile",
        not_in: &[(Kind::Configuration, "it names no images")],
        checks: &[Check::Containers(|container, context| match &container.image {
            _ if context.known.registries.is_empty() => {
                Judged::NotApplicable("nobody said which registries are allowed (`--registry`, or the profile)")
            }
            Some(image) if !context.known.registries.iter().any(|one| comes_from(&image.value, one)) => {
                broken(&image.at, format!("`{}` of {}", image.value, registry(&image.value)))
            }
            _ => Judged::Holds,
        })],
        ..POLICY
    },
    Rule {
        id: "hardening/images/bill-of-materials",
        title: "it is known what every image is made of",
        source: "SYS.1.6.A12",
        expected: "a bill of materials beside the image",
        help: "make one (CycloneDX or SPDX, JSON) where the image is built: `NAME-VERSION.*.json` in the folder of `--bills`",
        not_in: &[(Kind::Configuration, "it names no images")],
        checks: &[Check::Containers(|container, context| match (&context.known.bills, &container.image) {
            (None, _) => Judged::NotApplicable("nobody said where bills of materials are (`--bills`)"),
            (Some(_), None) => broken(&container.at, NOTHING),
            (Some(bills), Some(image)) => match bills.iter().any(|bill| bill.starts_with(&stem(&image.value))) {
                true => Judged::Holds,
                false => broken(&image.at, format!("none of `{}`", image.value)),
            },
        })],
        ..POLICY
    },
];

/// The tag of an image's name.
fn tag(image: &str) -> Option<&str> {
    let name = image.split('@').next().unwrap_or(image);
    let (_, last) = name.rsplit_once('/').unwrap_or(("", name));
    last.split_once(':').map(|(_, tag)| tag).filter(|tag| !tag.is_empty())
}

/// Whether an image has a digest.
fn is_pinned(image: &str) -> bool {
    image.split_once('@').is_some_and(|(_, digest)| !digest.is_empty() && !digest.contains('$'))
}

/// Whether an image has a tag or a digest that does not depend on a variable without a value.
fn is_versioned(image: &str) -> bool {
    let last = image.rsplit('/').next().unwrap_or(image);
    is_pinned(image) || (tag(image).is_some() && !last.contains('$'))
}

/// The registry of an image: what is before the first `/`, if it looks like a host.
fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "docker.io",
    }
}

/// Whether an image is for certain from a registry, or from a folder of one (`registry.example/team`).
fn comes_from(image: &str, allowed: &str) -> bool {
    let allowed = allowed.trim_end_matches('/');
    let is_unknown = image.split('/').next().is_some_and(|first| first.contains('$'));
    (registry(image) == allowed && !is_unknown) || image.strip_prefix(allowed).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::{comes_from, is_versioned, registry, tag};

    #[test]
    fn names_of_images_are_taken_apart() {
        for (image, of, tagged) in [
            ("postgres", "docker.io", None),
            ("postgres:16", "docker.io", Some("16")),
            ("matrixdotorg/synapse:v1.163.2", "docker.io", Some("v1.163.2")),
            ("registry.example:5000/synapse", "registry.example:5000", None),
            ("registry.example:5000/a/b:1@sha256:00", "registry.example:5000", Some("1")),
            ("localhost/fedproof:dev", "localhost", Some("dev")),
            ("${IMAGE}", "docker.io", None),
        ] {
            assert_eq!((registry(image), tag(image)), (of, tagged), "{image}");
        }
    }

    #[test]
    fn an_allowed_registry_is_matched_whole() {
        assert!(comes_from("postgres:16", "docker.io"));
        assert!(comes_from("registry.example/team/x:1", "registry.example/team"));
        assert!(!comes_from("registry.example/team-b/x:1", "registry.example/team"));
        assert!(!comes_from("registry.example.evil/x:1", "registry.example"));
        assert!(!comes_from("${REGISTRY}/x:1", "docker.io"));
        assert!(!comes_from("${IMAGE}", "docker.io"));
        assert!(comes_from("registry.example/${NAME}:1", "registry.example"));
    }

    #[test]
    fn a_variable_is_no_version() {
        for (image, is) in [
            ("x:1", true),
            ("${REGISTRY}/x:1", true),
            ("x:${TAG}@sha256:00", true),
            ("x", false),
            ("x:${TAG}", false),
            ("x:1-$VARIANT", false),
            ("${IMAGE:?x}", false),
            ("x@${DIGEST}", false),
            ("x@", false),
        ] {
            assert_eq!(is_versioned(image), is, "{image}");
        }
    }
}
