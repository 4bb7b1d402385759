//! What would be guessed first is refused by rule, not by a list of millions: a password is what remains surprising in it.

use std::collections::HashSet;

use kernel::{Error, Result};

use super::{LENGTH_MAX, LENGTH_MIN};

/// Surprising neighbours that a password must have at least.
const SURPRISES_MIN: usize = 6;

/// Words that make a long password weak all the same: common passwords, names and pinyin, and this product's own words.
const WORDS: &str = "
    administrator password passwort passwd baigong gongye internet platform industrial industry factory machine
    workshop operator engineer manager company sharing telemetry invoice finance modbus simulator console default
    changeme letmein welcome iloveyou secret security private access account signin login logon admin root system
    server superuser user guest test demo temp master hello monkey dragon football baseball basketball princess
    sunshine shadow superman batman michael jordan charlie thomas daniel jessica ashley andrew robert jennifer
    hunter killer soccer hockey ranger harley mustang ferrari mercedes porsche yellow purple orange silver golden
    banana cookie cheese coffee pepper ginger flower summer winter spring autumn january february monday friday
    freedom forever whatever nothing computer samsung google huawei xiaomi alibaba tencent taobao weixin zhongguo
    beijing shanghai shenzhen guangzhou hangzhou nanjing chongqing woaini aini nihao mima laopo laogong baobao zhang
    wang liu chen yang zhao huang zhou star love baby angel lucky money china asdf qwer zxcv 5201314 520 1314 百工 密码
    管理员 工厂 机器
";

/// Neighbours on a keyboard are no surprise.
const ROWS: &[&str] = &["1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p"];

/// Refuses what would be guessed first. `names` are those that belong to the person: login, name.
pub(in crate::identity) fn check(password: &str, names: &[&str]) -> Result<()> {
    let refuse = |message: &str| {
        Err(Error::invalid("identity.password.weak", "this password would be guessed too easily")
            .hint("use 12 to 128 characters: several unrelated words do well")
            .field("/password", message))
    };
    if !(LENGTH_MIN..=LENGTH_MAX).contains(&password.chars().count()) {
        return refuse("must have 12 to 128 characters");
    }
    let plain = password.to_lowercase();
    if surprises(&plain, names).min(surprises(&unmasked(&plain), names)) < SURPRISES_MIN {
        return refuse("consists of well-known words, names, dates, sequences or repetitions");
    }
    Ok(())
}

/// `p@ssw0rd` is `password`.
fn unmasked(text: &str) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    text.chars().map(letter).collect()
}

/// How many different pairs of neighbours remain that do not follow from one another, once known words are taken out. Pairs
/// of digits count half: long runs of them are dates and telephone numbers.
fn surprises(text: &str, names: &[&str]) -> usize {
    let mut rest = text.to_owned();
    let own: Vec<String> = names
        .iter()
        .flat_map(|name| name.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase))
        .filter(|part| part.chars().count() > 2)
        .collect();
    for word in own.iter().map(String::as_str).chain(WORDS.split_whitespace()) {
        rest = rest.replace(word, "");
    }
    let chars: Vec<char> = rest.chars().collect();
    let pairs: HashSet<(char, char)> =
        chars.windows(2).map(|pair| (pair[0], pair[1])).filter(|(a, b)| !follows(*a, *b)).collect();
    let digits = pairs.iter().filter(|(a, b)| a.is_ascii_digit() && b.is_ascii_digit()).count();
    pairs.len() - digits + digits / 2
}

/// Whether the second is the first, its neighbour in the alphabet, or its neighbour on the keyboard.
fn follows(a: char, b: char) -> bool {
    if (i64::from(u32::from(a)) - i64::from(u32::from(b))).abs() <= 1 {
        return true;
    }
    let (there, back) = (String::from_iter([a, b]), String::from_iter([b, a]));
    ROWS.iter().any(|row| row.contains(&there) || row.contains(&back))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn famous_ones_are_refused() {
        for weak in [
            "short",
            "passwordpassword",
            "abcdefghijklmnop",
            "1111111111111111",
            "admin-admin-admin",
            "baigongbaigong1",
            "P@ssw0rd12345",
            "Passw0rd!Passw0rd!",
            "qwertyuiop123456",
            "1qaz2wsx3edc4rfv",
            "zhangwei19920815",
            "13812345678!",
            "199208151992",
            "iloveyou5201314",
            "百工百工百工百工百工百工",
            "abcxyzabcxyzabcxyz",
            "asdfghjkl;'asdfghjkl",
            "Welcome2026!",
            "Huawei@123456",
            "linlinlin2026!",
        ] {
            assert!(check(weak, &["lin", "Zhang Wei"]).is_err(), "{weak}");
        }
        assert!(check(&"长".repeat(129), &[]).is_err());
    }

    #[test]
    fn unrelated_words_and_random_signs_are_fine_in_any_script() {
        for good in [
            "correct horse battery",
            "七星连珠 kiln 44 otter",
            "K7WQP-3HZNV-TT2XB-9MFRD",
            "床前有一盏很旧的铜制灯笼",
            "seven grey kilns hum",
            "9f3a-71cc-e05d-b82",
            "mi gato duerme tarde",
        ] {
            assert!(check(good, &["lin"]).is_ok(), "{good}");
        }
    }

    #[test]
    fn thousands_that_are_made_from_common_words_are_refused() {
        let tails = ["", "1", "123", "123456", "!", "2024", "2025!", "1990", "@123", "#1", "888", "..", "abc", "qwe"];
        let mut tried = 0;
        for word in WORDS.split_whitespace() {
            for tail in tails {
                for shape in [
                    format!("{word}{tail}"),
                    format!("{tail}{word}"),
                    format!("{word}{tail}{word}{tail}"),
                    format!("{word}{word}{tail}").to_uppercase(),
                ] {
                    let length = shape.chars().count();
                    if (LENGTH_MIN..=LENGTH_MAX).contains(&length) {
                        tried += 1;
                        assert!(check(&shape, &[]).is_err(), "{shape}");
                    }
                }
            }
        }
        assert!(tried >= 3_000, "{tried}");
    }
}
