// SPDX-License-Identifier: Apache-2.0
//! The segment's protocols under the C11 memory model, each with variants that are
//! broken on purpose.
//!
//!     snakepit-models                   list all models and their flaws
//!     snakepit-models MODEL             explore it: exit 0 and the number of executions
//!     snakepit-models MODEL FLAW        the same without one part: must panic
//!
//! Loom runs the model once for each interleaving and for each store that a load may
//! legally return, so that a value a reader must not see is seen in some execution.
//! C functions that a model mirrors are named at its head; names of words are theirs.
//! Ghosts, which only assertions read, are atomics of `std`: loom does not branch there.

mod flaw;
mod histogram;
mod latch;
mod publish;
mod ring;
mod row;

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use flaw::Flaw;

struct Model {
    name: &'static str,
    flaws: &'static [Flaw],
    run: fn(Option<Flaw>),
}

const MODELS: &[Model] = &[
    Model {
        name: "publish",
        flaws: publish::FLAWS,
        run: publish::run,
    },
    Model {
        name: "row",
        flaws: row::FLAWS,
        run: row::run,
    },
    Model {
        name: "latch",
        flaws: latch::FLAWS,
        run: latch::run,
    },
    Model {
        name: "ring",
        flaws: ring::FLAWS,
        run: ring::run,
    },
    Model {
        name: "histogram",
        flaws: histogram::FLAWS,
        run: histogram::run,
    },
];

fn explore(model: &Model, flaw: Option<Flaw>) {
    static EXECUTIONS: AtomicUsize = AtomicUsize::new(0);
    let run = model.run;

    // No preemption bound: all interleavings.
    loom::model::Builder::new().check(move || {
        EXECUTIONS.fetch_add(1, Ordering::Relaxed);
        run(flaw);
    });
    println!("{} executions", EXECUTIONS.load(Ordering::Relaxed));
}

fn list() {
    for model in MODELS {
        println!("{}", model.name);
        for flaw in model.flaws {
            println!("{} {}", model.name, flaw.name());
        }
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let model = match words.first() {
        None => {
            list();
            return ExitCode::SUCCESS;
        }
        Some(name) => MODELS.iter().find(|m| m.name == name),
    };
    match (model, words.get(1)) {
        (Some(model), None) => explore(model, None),
        (Some(model), Some(name)) => match model.flaws.iter().find(|f| f.name() == name) {
            Some(flaw) => explore(model, Some(*flaw)),
            None => return refuse(name),
        },
        (None, _) => return refuse(&words[0]),
    }
    ExitCode::SUCCESS
}

fn refuse(name: &str) -> ExitCode {
    eprintln!("no such model or flaw: {name}");
    ExitCode::from(2)
}
