//! Files are published whole or not at all: temporary name, sync, rename, sync of the folder.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use kernel::Error;

/// Makes names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Writes a file so that after a crash it is there completely or not at all.
pub(crate) fn publish(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = folder.join(format!("{name}.tmp"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, folder.join(name))?;
    sync_folder(folder)
}

/// How many bytes the disk of a folder has left for us.
pub(crate) fn room(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// The refusal of whoever leaves the reserve alone.
pub(crate) fn full() -> Error {
    Error::unavailable("telemetry.store.full", "the disk that holds the telemetry is almost full")
        .hint("free space in the data directory; sending goes on by itself, what was acknowledged is safe")
}

/// Turns an input/output error into ours; a full disk is told apart.
pub(crate) fn refused(what: &str, error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::StorageFull {
        return Error::unavailable("telemetry.store.full", "the disk that holds the telemetry is full")
            .hint("free space in the data directory and start again; what was acknowledged is safe")
            .because(format!("{what}: {error}"));
    }
    Error::unavailable("telemetry.store.io", format!("{what} failed"))
        .hint("check the disk and the rights of the data directory")
        .because(error)
}

/// Little-endian reading with bounds, for everything that comes from disk.
pub(crate) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }
    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|b| b[0])
    }
    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }
    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }
    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }
    pub(crate) fn f64(&mut self) -> Option<f64> {
        self.array().map(f64::from_le_bytes)
    }
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let length = self.u32()? as usize;
        std::str::from_utf8(self.take(length)?).ok()
    }
}

/// Appends a length-prefixed text.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}
