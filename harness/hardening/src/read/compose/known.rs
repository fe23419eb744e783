//! What a service can say and a reader knows, so that everything else can be told as not judged.

use crate::{
    model::{Source, Unjudged},
    read::Facts,
};
use fedproof_yaml::Field;
use std::sync::Arc;

/// Keys of a service that are read, and those that take nothing away from its hardening.
const KEYS: &str = "
    annotations attach blkio_config build cap_add cap_drop cgroup command configs container_name cpu_count cpu_percent cpu_period
    cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset depends_on deploy device_cgroup_rules devices dns dns_opt
    dns_search domainname entrypoint env_file environment expose extra_hosts gpus group_add healthcheck hostname image init ipc
    labels links logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit network_mode networks oom_score_adj
    pid pids_limit platform ports post_start pre_stop privileged profiles pull_policy read_only restart scale secrets
    security_opt shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user
    userns_mode uts volumes volumes_from working_dir";
/// Names of options of `security_opt`.
const OPTIONS: &[&str] = &["no-new-privileges", "seccomp", "apparmor", "systempaths", "label"];

/// Keys and options of a service that no rule knows.
pub(super) fn unknown(source: &Arc<Source>, service: &Field) -> Vec<Unjudged> {
    let is_known = |key: &str| key.starts_with("x-") || KEYS.split_whitespace().any(|known| known == key);
    let keys = service.value.fields().iter().filter(|field| !is_known(&field.key));
    let keys = keys.map(|field| (source.place(&field.place.written), field.key.clone()));
    let options = source.texts(service.value.get("security_opt")).into_iter();
    let options =
        options.filter(|option| !OPTIONS.iter().any(|known| option.value.split([':', '=']).next() == Some(known)));
    let options = options.map(|option| (option.at, option.value));
    keys.chain(options).map(|(at, what)| Unjudged::new(&at, format!("`{what}` of service `{}`", service.key))).collect()
}
