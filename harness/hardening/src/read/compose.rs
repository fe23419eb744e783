//! A docker-compose file: its services, and the configuration files it names.

mod known;
mod mounts;
mod namespaces;
mod ports;

use super::{Facts, open, wrong};
use crate::{
    error::HardeningError,
    interpolate::interpolate,
    model::{Config, Container, Input, Kind, Resources, Seen, Source, Unjudged},
};
use fedproof_yaml::{Field, Node, Value};
use std::{path::Path, sync::Arc};

/// Keys that bring other files in, which compose itself must put together.
const ELSEWHERE: &[&str] = &["extends", "include"];

/// Keys of a service in which secrets are looked for by themselves, or that only name what stands elsewhere.
const APART: &[&str] =
    &["build", "command", "configs", "entrypoint", "environment", "healthcheck", "post_start", "pre_stop", "secrets"];

pub(super) fn read(source: &Arc<Source>, mut root: Node, folder: &Path) -> Result<Vec<Input>, HardeningError> {
    let known = optional(&folder.join(".env"))?.map(|file| variables_of_file(&file)).unwrap_or_default();
    let known = known.into_iter().map(|variable| variable.value).collect();
    root.each(&mut |node| {
        if let Value::Text(text) = &mut node.value {
            *text = interpolate(text, &known);
        }
    });
    let services = root.get("services").map(Node::fields).unwrap_or_default();
    for field in services.iter().flat_map(|service| service.value.fields()).chain(root.fields()) {
        if ELSEWHERE.contains(&field.key.as_str()) {
            let help = Some("let compose put the file together: `docker compose config`".to_owned());
            return Err(wrong(source, field.place.written.clone(), format!("`{}` is not followed", field.key), help));
        }
    }
    let mut input = Input::new(Kind::Compose, source);
    let mut files = Vec::new();
    for field in services {
        let mut container = container(source, field, &root);
        input.unjudged.extend(known::unknown(source, field));
        container.ends = services.iter().any(|other| awaits_end_of(&other.value, &field.key));
        for (path, is_required) in field.value.get("env_file").into_iter().flat_map(env_files) {
            match optional(&folder.join(&path))? {
                Some(file) => container.environment.extend(variables_of_file(&file)),
                None => input.unread.extend(is_required.then_some(path)),
            }
        }
        let rest = field.value.fields().iter().filter(|field| !APART.contains(&field.key.as_str()));
        input.configs.push(Config::of_fields(source, container.name.clone(), rest));
        let hooks = hooks(source, &field.value, &container);
        input.containers.push(container);
        input.containers.extend(hooks);
    }
    let is_apart = |key: &str| ["services", "configs", "secrets"].contains(&key) || key.starts_with("x-");
    let rest = root.fields().iter().filter(|field| !is_apart(&field.key));
    input.configs.push(Config::of_fields(source, "this file".to_owned(), rest));
    for (section, open_to_all) in [("configs", true), ("secrets", false)] {
        for field in root.get(section).map(Node::fields).unwrap_or_default() {
            let name = format!("{} `{}`", section.trim_end_matches('s'), field.key);
            if let Some(content) = field.value.field("content") {
                let config = Config::of_field(source, content, name, None);
                input.configs.push(Config { key: field.key.clone(), secret: !open_to_all, ..config });
            } else if let Some(path) = field.value.get("file").and_then(Node::text).filter(|_| open_to_all) {
                match optional(&folder.join(&path))? {
                    Some(file) => files.push(Config::of_file(&file, name).into()),
                    None => input.unread.push(path),
                }
            } else if open_to_all {
                let at = source.place(&field.place.written);
                input.unjudged.push(Unjudged::new(&at, format!("what is in {name}")));
            }
        }
    }
    files.insert(0, input);
    Ok(files)
}

fn container(source: &Arc<Source>, field: &Field, root: &Node) -> Container {
    let service = &field.value;
    let text = |key| source.text(service.get(key));
    let mut container = Container::new(format!("service `{}`", field.key), source.place(&field.place.written));
    container.image = text("image");
    runs_as(&mut container, text("user"));
    container.groups = source.texts(service.get("group_add"));
    container.read_only = source.flag(service.get("read_only"));
    container.dropped = source.texts(service.get("cap_drop"));
    container.added = source.texts(service.get("cap_add"));
    container.privileged = privileged(source, service);
    for option in source.texts(service.get("security_opt")) {
        let (name, value) = option.value.split_once([':', '=']).unwrap_or((&option.value, "true"));
        let value = value.to_owned();
        match name {
            "no-new-privileges" => container.escalation = Some(option.map(|_| value != "true")),
            "seccomp" => container.seccomp = Some(option.map(|_| value)),
            "apparmor" => container.apparmor = Some(option.map(|_| value)),
            "systempaths" => container.proc = Some(option.map(|_| value)),
            _ => {}
        }
    }
    let is_off = |option: &Seen<String>| option.value.replace('=', ":") == "label:disable";
    let selinux = source.texts(service.get("security_opt")).into_iter().find(is_off);
    container.apparmor = selinux.map(|option| option.map(|_| "label:disable".to_owned())).or(container.apparmor);
    container.sysctls = names(source, service.get("sysctls"));
    container.host_namespaces = namespaces::read(source, service, root);
    mounts::read(source, service, root, &mut container);
    container.ports = ports::read(source, service);
    let deployed = |kind: &str, key: &str| source.text(service.find(&["deploy", "resources", kind, key]));
    container.limits = Resources {
        memory: deployed("limits", "memory").or_else(|| text("mem_limit")),
        cpu: deployed("limits", "cpus").or_else(|| text("cpus")),
        pids: deployed("limits", "pids").or_else(|| text("pids_limit")),
    };
    container.requests = Resources {
        memory: deployed("reservations", "memory").or_else(|| text("mem_reservation")),
        ..Resources::default()
    };
    container.liveness = service
        .field("healthcheck")
        .map(|check| Seen { value: is_check(&check.value), at: source.place(&check.place.written) });
    container.environment = variables(source, service.get("environment"));
    // These stay in the image.
    container.environment.extend(variables(source, service.find(&["build", "args"])));
    container.command = ["command", "entrypoint"].into_iter().flat_map(|key| source.texts(service.get(key))).collect();
    container.command.extend(source.texts(service.find(&["healthcheck", "test"])));
    container.secret_files = service
        .get("secrets")
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .filter_map(|one| {
            let name = one.text().or_else(|| one.get("source")?.text())?;
            let mode = one.get("mode").and_then(Node::text).and_then(|mode| super::mode(&mode));
            Some(source.seen(one.get("mode").unwrap_or(one), (name, mode)))
        })
        .collect();
    container
}

/// Who it runs as: `USER`, `USER:GROUP`.
fn runs_as(container: &mut Container, user: Option<Seen<String>>) {
    let Some(user) = user else { return };
    let (name, group) = user.value.split_once(':').map_or((&*user.value, None), |(name, group)| (name, Some(group)));
    let is_other = !["0", "root", ""].contains(&name) && !name.contains('$');
    container.non_root = Some(Seen { value: is_other, at: user.at.clone() });
    container.group = group.map(|group| Seen { value: group.to_owned(), at: user.at.clone() });
    container.user = Some(Seen { value: name.to_owned(), at: user.at.clone() });
}

/// What a service runs beside itself when it starts and ends: the same container, with other rights.
fn hooks(source: &Arc<Source>, service: &Node, container: &Container) -> Vec<Container> {
    let of_kind = |kind: &str| {
        let hooks = service.get(kind).map(Node::items).unwrap_or_default().to_vec();
        let name = format!("{kind} of {}", container.name);
        hooks.into_iter().map(move |hook| (name.clone(), hook))
    };
    let described = |(name, hook): (String, Node)| {
        let mut one = Container { name, ..container.clone() };
        runs_as(&mut one, source.text(hook.get("user")));
        one.privileged = privileged(source, &hook).or(one.privileged);
        one.command = source.texts(hook.get("command"));
        one.environment = variables(source, hook.get("environment"));
        one
    };
    of_kind("post_start").chain(of_kind("pre_stop")).map(described).collect()
}

/// What a variable without a default will be nobody knows.
fn privileged(source: &Arc<Source>, node: &Node) -> Option<Seen<bool>> {
    node.get("privileged").map(|node| source.seen(node, node.flag() != Some(false)))
}

/// The keys of a mapping, or the names of a list of `name=value`.
fn names(source: &Arc<Source>, node: Option<&Node>) -> Vec<Seen<String>> {
    let before = |value: String| value.split('=').next().unwrap_or_default().to_owned();
    let listed = source.texts(node).into_iter().map(|item| item.map(before));
    let mapped = node.map(Node::fields).unwrap_or_default().iter();
    listed
        .chain(mapped.map(|field| Seen { value: field.key.clone(), at: source.place(&field.place.written) }))
        .collect()
}

/// Whether a health check asks anything.
fn is_check(check: &Node) -> bool {
    let is_off = check.get("disable").is_some_and(|disable| disable.flag() != Some(false));
    let first = check.get("test").and_then(|test| test.items().first().unwrap_or(test).text());
    !is_off && first.is_some_and(|word| word != "NONE")
}

/// Whether a service waits for another one to have ended.
fn awaits_end_of(service: &Node, other: &str) -> bool {
    let condition = service.find(&["depends_on", other, "condition"]).and_then(Node::text);
    condition.as_deref() == Some("service_completed_successfully")
}

/// `environment`: a list of `NAME=value`, or a mapping. A name alone takes its value from whoever starts it.
fn variables(source: &Arc<Source>, node: Option<&Node>) -> Vec<Seen<(String, String)>> {
    let Some(node) = node else { return Vec::new() };
    let listed = node.items().iter().filter_map(|item| Some(source.seen(item, split(&item.text()?))));
    let mapped = node.fields().iter().map(|field| {
        let value = field.value.text().unwrap_or_else(|| format!("${}", field.key));
        let place = if field.value.text().is_some() { &field.value.place } else { &field.place };
        Seen { value: (field.key.clone(), value), at: source.place(&place.written) }
    });
    listed.chain(mapped).collect()
}

fn split(variable: &str) -> (String, String) {
    let (name, value) = variable.split_once('=').map_or((variable, format!("${variable}")), |(n, v)| (n, v.to_owned()));
    (name.to_owned(), value)
}

/// Paths of `env_file`, and whether they must be there: a text, a list of texts, or of mappings with `path`.
fn env_files(node: &Node) -> Vec<(String, bool)> {
    let all = if node.items().is_empty() { std::slice::from_ref(node) } else { node.items() };
    let is_required = |one: &Node| one.get("required").and_then(Node::flag) != Some(false);
    all.iter().filter_map(|one| Some((one.text().or_else(|| one.get("path")?.text())?, is_required(one)))).collect()
}

/// Lines `NAME=value` of a file; quotes around a value are not part of it.
fn variables_of_file(file: &Arc<Source>) -> Vec<Seen<(String, String)>> {
    let mut start = 0;
    let mut found = Vec::new();
    for line in file.text.split_inclusive('\n') {
        let shown = line.trim();
        if !shown.is_empty() && !shown.starts_with('#') {
            let (name, value) = split(shown.strip_prefix("export ").unwrap_or(shown));
            let quoted = |quote: char| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote));
            let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(&value).to_owned();
            found.push(Seen { value: (name, value), at: file.place(&(start..start + line.trim_end().len())) });
        }
        start += line.len();
    }
    found
}

/// A file, if it is there.
fn optional(path: &Path) -> Result<Option<Arc<Source>>, HardeningError> {
    if path.exists() { open(path).map(Some) } else { Ok(None) }
}
