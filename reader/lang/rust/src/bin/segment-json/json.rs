// SPDX-License-Identifier: Apache-2.0

use std::fmt::{self, Write};

/// Writes JSON front to back. Integers and seconds are exact to the last digit, and keys
/// stay in the order in which they came.
#[derive(Default)]
pub struct Encoder {
    pub text: String,
    /// Something stands before the next key or value.
    comma: bool,
}

impl Encoder {
    fn separate(&mut self) {
        if self.comma {
            self.text.push(',');
        }
        self.comma = true;
    }

    fn nested(&mut self, brackets: [char; 2], f: impl FnOnce(&mut Self)) {
        self.separate();
        self.text.push(brackets[0]);
        self.comma = false;
        f(self);
        self.text.push(brackets[1]);
        self.comma = true;
    }

    pub fn object(&mut self, f: impl FnOnce(&mut Self)) {
        self.nested(['{', '}'], f);
    }

    pub fn array(&mut self, f: impl FnOnce(&mut Self)) {
        self.nested(['[', ']'], f);
    }

    pub fn key(&mut self, name: &str) -> &mut Self {
        self.string(name);
        self.text.push(':');
        self.comma = false;
        self
    }

    /// A number, `true`, `false` or `null`, as it prints.
    pub fn plain(&mut self, value: impl fmt::Display) {
        self.separate();
        write!(self.text, "{value}").expect("a String takes everything");
    }

    /// Nanoseconds as seconds.
    pub fn seconds(&mut self, ns: u64) {
        self.plain(decimal(ns, -9));
    }

    pub fn float(&mut self, value: f64) {
        if value.is_finite() {
            self.plain(shortest(value));
        } else {
            self.plain("null");
        }
    }

    pub fn string(&mut self, text: &str) {
        self.separate();
        self.text.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.text.extend(['\\', c]),
                '\x08' => self.text.push_str("\\b"),
                '\t' => self.text.push_str("\\t"),
                '\n' => self.text.push_str("\\n"),
                '\x0C' => self.text.push_str("\\f"),
                '\r' => self.text.push_str("\\r"),
                '\0'..='\x1F' | '\x7F' => write!(self.text, "\\u{:04x}", c as u32)
                    .expect("a String takes everything"),
                _ => self.text.push(c),
            }
        }
        self.text.push('"');
    }
}

/// `n` * 10^`exp` in plain notation, without zeros at the end of a fraction.
pub fn decimal(n: u64, exp: i32) -> String {
    let digits = n.to_string();
    let places = exp.unsigned_abs() as usize;
    if n == 0 || exp == 0 {
        return digits;
    }
    if exp > 0 {
        return digits + &"0".repeat(places);
    }
    let digits = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

/// The first text of 15, 16 or 17 digits that is this number, as `%g` writes it: any text
/// of up to 15 digits survives text, number, text. Subnormal numbers have fewer to give.
pub fn shortest(value: f64) -> String {
    let least = if value.is_subnormal() { 1 } else { 15 };
    (least..17)
        .map(|digits| (digits, format!("{:.*e}", digits - 1, value)))
        .find(|(_, text)| text.parse() == Ok(value))
        .map_or_else(
            || general(&format!("{value:.16e}"), 17),
            |(digits, text)| general(&text, digits),
        )
}

/// What `%.<digits>g` makes of a number in scientific notation.
fn general(scientific: &str, digits: usize) -> String {
    let (mantissa, exp) = scientific.split_once('e').expect("it has an exponent");
    let exp: i32 = exp.parse().expect("it is a number");
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let all = mantissa.replace('.', "");
    let all = match all.trim_end_matches('0') {
        "" => "0",
        significant => significant,
    };
    if exp < -4 || exp >= digits as i32 {
        let point = if all.len() > 1 { "." } else { "" };
        let exp_sign = if exp < 0 { '-' } else { '+' };
        let (first, rest) = all.split_at(1);
        return format!("{sign}{first}{point}{rest}e{exp_sign}{:02}", exp.abs());
    }
    if exp < 0 {
        let zeros = "0".repeat((-exp - 1) as usize);
        return format!("{sign}0.{zeros}{all}");
    }
    let whole = exp as usize + 1;
    if all.len() <= whole {
        return format!("{sign}{all}{}", "0".repeat(whole - all.len()));
    }
    let (whole, fraction) = all.split_at(whole);
    format!("{sign}{whole}.{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact() {
        for (n, exp, want) in [
            (0, -9, "0"),
            (1_500_000_000, -9, "1.5"),
            (1, -9, "0.000000001"),
            (12, 2, "1200"),
            (u64::MAX, 0, "18446744073709551615"),
            (2_000_000_000, -9, "2"),
            (u64::MAX, -9, "18446744073.709551615"),
            (7, -30, "0.000000000000000000000000000007"),
        ] {
            assert_eq!(decimal(n, exp), want);
        }
    }

    #[test]
    fn floats_are_those_of_printf() {
        for (value, want) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (2.5, "2.5"),
            (1e15, "1e+15"),
            (123456.0, "123456"),
            (1e-5, "1e-05"),
            (0.00012, "0.00012"),
            (1.0 / 3.0, "0.3333333333333333"),
            (0.1 + 0.2, "0.30000000000000004"),
            (5e-324, "5e-324"),
            (-1e300, "-1e+300"),
            (9007199254740992.0, "9007199254740992"),
            (1.25e100, "1.25e+100"),
        ] {
            assert_eq!(shortest(value), want);
        }
    }

    #[test]
    fn text_is_escaped() {
        let mut json = Encoder::default();
        json.object(|json| {
            json.key("a").array(|json| {
                json.plain(1);
                json.plain(-2);
                json.float(f64::INFINITY);
            });
            json.key("b").object(|_| ());
            json.key("c").string("\"\\\x01\n\x7fä<");
        });
        let want = r#"{"a":[1,-2,null],"b":{},"c":"\"\\\u0001\n\u007fä<"}"#;
        assert_eq!(json.text, want);
    }
}
