// SPDX-License-Identifier: Apache-2.0

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What became of an attempt that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such file.
    Missing,
    /// Not readable for this user, or not safe to read.
    Denied,
    /// Not a segment, or not whole.
    Damaged,
    /// Another major version, or a feature not known here.
    Version,
    /// Being built: try again soon.
    NotReady,
    /// Nothing the format speaks of: out of descriptors, I/O.
    Failed,
}

impl ErrorKind {
    /// The name that the format has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::Missing => "missing",
            ErrorKind::Denied => "denied",
            ErrorKind::Damaged => "damaged",
            ErrorKind::Version => "version",
            ErrorKind::NotReady => "not_ready",
            ErrorKind::Failed => "failed",
        }
    }

    fn reason(self) -> &'static str {
        match self {
            ErrorKind::Missing => "there is no such segment",
            ErrorKind::Denied => "not readable for this user, or not safe to read",
            ErrorKind::Damaged => "damaged",
            ErrorKind::Version => "of another version, or needs features not known here",
            ErrorKind::NotReady => "still being built, try again",
            ErrorKind::Failed => "cannot be read",
        }
    }
}

/// Why a segment could not be opened or read.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    field: Option<&'static str>,
    path: PathBuf,
    source: Option<io::Error>,
}

impl Error {
    /// What became of the attempt.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What does not hold, in the vocabulary of the format; none for
    /// [`ErrorKind::Failed`].
    pub fn field(&self) -> Option<&'static str> {
        self.field
    }

    /// The segment.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn new(kind: ErrorKind, field: &'static str) -> Self {
        Error {
            kind,
            field: Some(field),
            path: PathBuf::new(),
            source: None,
        }
    }

    pub(crate) fn at(mut self, path: &Path) -> Self {
        self.path = path.to_owned();
        self
    }

    pub(crate) fn in_file(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    /// The error of a file that could not be opened.
    pub(crate) fn opening(source: io::Error) -> Self {
        const ENXIO: i32 = 6;
        const ENODEV: i32 = 19;
        const ENOTDIR: i32 = 20;
        const ELOOP: i32 = 40;
        let kind = match (source.kind(), source.raw_os_error()) {
            (io::ErrorKind::NotFound, _) | (_, Some(ENOTDIR)) => ErrorKind::Missing,
            (io::ErrorKind::PermissionDenied, _) | (_, Some(ELOOP | ENXIO | ENODEV)) => {
                ErrorKind::Denied
            }
            _ => ErrorKind::Failed,
        };
        Error {
            kind,
            field: (kind != ErrorKind::Failed).then_some("path"),
            path: PathBuf::new(),
            source: Some(source),
        }
    }
}

pub(crate) fn damaged(field: &'static str) -> Error {
    Error::new(ErrorKind::Damaged, field)
}

impl From<io::Error> for Error {
    fn from(source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::UnexpectedEof {
            return damaged("file");
        }
        Error {
            kind: ErrorKind::Failed,
            field: None,
            path: PathBuf::new(),
            source: Some(source),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.kind.reason())?;
        if let Some(field) = self.field {
            write!(f, " ({field})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|e| e as _)
    }
}
