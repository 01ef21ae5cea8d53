// SPDX-License-Identifier: Apache-2.0

//! Prints what segments hold, one line of JSON each, as `snakepit-inspect --json --events`
//! does.

mod json;
mod report;

use std::env;
use std::error::Error as _;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use snakepit_segment::{Error, ErrorKind, Tier};

const USAGE: &str = "usage: segment-json [--tier snap|live] PATH...";

fn main() -> ExitCode {
    let (tier, paths) = match parse(env::args_os().skip(1).collect()) {
        Some(parsed) => parsed,
        None => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let mut status = 0;
    let mut out = io::stdout().lock();
    for path in paths {
        let line = report::render(Path::new(&path), tier).unwrap_or_else(|error| {
            let message = message(&error);
            eprintln!("segment-json: {message}");
            status = exit_status(&error);
            report::render_error(&error, &message)
        });
        if let Err(error) = writeln!(out, "{line}") {
            eprintln!("segment-json: cannot write: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::from(status)
}

fn parse(mut arguments: Vec<OsString>) -> Option<(Tier, Vec<OsString>)> {
    let mut tier = Tier::default();
    if arguments.first()? == "--tier" {
        tier = match arguments.get(1)?.to_str()? {
            "snap" => Tier::Snap,
            "live" => Tier::Live,
            _ => return None,
        };
        arguments.drain(..2);
    }
    let unknown = |argument: &OsString| argument.to_string_lossy().starts_with("--");
    if arguments.is_empty() || arguments.iter().any(unknown) {
        return None;
    }
    Some((tier, arguments))
}

fn message(error: &Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

fn exit_status(error: &Error) -> u8 {
    match error.kind() {
        ErrorKind::Missing | ErrorKind::NotReady => 3,
        ErrorKind::Damaged | ErrorKind::Version => 4,
        _ => 1,
    }
}
