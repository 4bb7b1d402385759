//! One way to write the states and words of the record, so that every noun refuses an illegal step in the same manner.

/// Declares the states of a noun and the steps between them.
///
/// The enum gets its stored text, parsing, JSON form, and `to`, which consumes the state and returns the next one or a
/// refusal with the given code that names both states and the steps that were open.
macro_rules! machine {
    (
        $(#[$doc:meta])*
        pub enum $name:ident refuses $code:literal {
            $($(#[$vdoc:meta])* $state:ident $text:literal => [$($next:ident),*];)+
        }
    ) => {
        $crate::machine::words! {
            $(#[$doc])*
            pub enum $name { $($(#[$vdoc])* $state $text;)+ }
        }

        impl $name {
            /// The states that may follow.
            pub fn next(self) -> &'static [Self] {
                match self { $(Self::$state => &[$(Self::$next),*],)+ }
            }

            /// Takes the step, or refuses it.
            ///
            /// # Errors
            #[doc = concat!("`", $code, "` when the step is not one of [`next`](Self::next).")]
            pub fn to(self, next: Self) -> kernel::Result<Self> {
                if self.next().contains(&next) {
                    return Ok(next);
                }
                let open: Vec<&str> = self.next().iter().map(|state| state.as_str()).collect();
                let hint = match open.is_empty() {
                    true => format!("{} is a final state", self.as_str()),
                    false => format!("from {} the steps are: {}", self.as_str(), open.join(", ")),
                };
                Err(kernel::Error::conflict($code, format!("{} cannot become {}", self.as_str(), next.as_str())).hint(hint))
            }
        }
    };
}

/// Declares a closed set of words with their stored text.
macro_rules! words {
    (
        $(#[$doc:meta])*
        pub enum $name:ident { $($(#[$vdoc:meta])* $word:ident $text:literal;)+ }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        #[schema(as = record::$name)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $word,)+
        }

        impl $name {
            /// Every word, in the order of the specification.
            pub const ALL: &'static [Self] = &[$(Self::$word),+];

            /// The word as stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = kernel::Error;
            fn from_str(text: &str) -> kernel::Result<Self> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or_else(|| {
                    let known: Vec<&str> = Self::ALL.iter().map(|word| word.as_str()).collect();
                    kernel::Error::invalid("record.word.unknown", format!("{text:?} is not one of the known words"))
                        .hint(format!("use one of: {}", known.join(", ")))
                })
            }
        }
    };
}

pub(crate) use machine;
pub(crate) use words;

#[cfg(test)]
mod tests {
    machine! {
        /// A lamp.
        pub enum Lamp refuses "record.lamp.step" {
            /// Dark.
            Off "off" => [On];
            /// Bright.
            On "on" => [Off, Broken];
            /// For ever dark.
            Broken "broken" => [];
        }
    }

    #[test]
    fn steps_are_taken_or_refused_by_name() {
        assert_eq!(Lamp::Off.to(Lamp::On).unwrap(), Lamp::On);
        let error = Lamp::Off.to(Lamp::Broken).unwrap_err();
        assert_eq!(error.code, "record.lamp.step");
        assert!(error.message.contains("off cannot become broken"));
        assert!(Lamp::Broken.to(Lamp::On).unwrap_err().hint.unwrap().contains("final"));
        assert_eq!("on".parse::<Lamp>().unwrap(), Lamp::On);
        assert_eq!("no".parse::<Lamp>().unwrap_err().code, "record.word.unknown");
        assert_eq!(serde_json::to_string(&Lamp::Broken).unwrap(), "\"broken\"");
    }
}
