//! An authority that outlives the process: `ca.key` and `ca.crt` in a folder.

use crate::{GatewayError, ca::Authority};
use rcgen::KeyPair;
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

/// The private key. Only its owner may read it.
const KEY: &str = "ca.key";
/// The certificate, which servers must trust.
const CERTIFICATE: &str = "ca.crt";

/// The authority that `folder` holds; where it holds none, a fresh one that it holds from then on.
pub(crate) fn in_folder(folder: &Path) -> Result<Authority, GatewayError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| GatewayError::Keep { path, source }
    };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(at(folder))?;
    // Of two that start at once, the second finds what the first has made.
    let lock = File::open(folder).map_err(at(folder))?;
    lock.lock().map_err(at(folder))?;
    let (key_file, certificate_file) = (folder.join(KEY), folder.join(CERTIFICATE));
    let kept_key = read(&key_file).map_err(at(&key_file))?;
    let kept = read(&certificate_file).map_err(at(&certificate_file))?;
    let key = match kept_key {
        Some(pem) => KeyPair::from_pem(&pem)?,
        // Another key would leave behind whoever trusts the certificate.
        None if kept.is_some() => return Err(at(&key_file)(io::ErrorKind::NotFound.into())),
        None => {
            let key = KeyPair::generate()?;
            write(&key_file, &key.serialize_pem(), 0o600).map_err(at(&key_file))?;
            key
        }
    };
    let is_new = kept.is_none();
    let authority = Authority::of(key, kept)?;
    if is_new {
        write(&certificate_file, authority.pem(), 0o644).map_err(at(&certificate_file))?;
    }
    Ok(authority)
}

fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Writes a file that is whole or not there, with the permissions `mode` from the first byte on.
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let partial = path.with_added_extension("partial");
    let _old = fs::remove_file(&partial);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&partial)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&partial, path)
}
