//! A text as lower-case words, so that `api` does not match `rapid`. Knows nothing of what they mean.

/// Words with a blank before and after each.
pub(super) struct Words(String);

/// What names are made of besides letters and digits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// `rate_limit` and `RateLimit` are two words each: in what a provider says.
    Split,
    /// They are one word each: in output that may show code.
    Whole,
}

impl Words {
    /// Of a message whose sender is known: names are taken apart.
    pub(super) fn of_message(text: &str) -> Self {
        Self::of(text, Names::Split)
    }

    /// Of output, where a name is more likely somebody's function.
    pub(super) fn of_output(text: &str) -> Self {
        Self::of(text, Names::Whole)
    }

    fn of(text: &str, names: Names) -> Self {
        let mut spaced = String::with_capacity(text.len() + 2);
        spaced.push(' ');
        let mut before = ' ';
        for c in text.chars() {
            let word = c.is_alphanumeric() || (c == '_' && names == Names::Whole);
            if (!word || (names == Names::Split && before.is_lowercase() && c.is_uppercase())) && !spaced.ends_with(' ') {
                spaced.push(' ');
            }
            if word {
                spaced.extend(c.to_lowercase());
            }
            // "don't" is two words, and an apostrophe is all that is between them.
            before = c;
        }
        if !spaced.ends_with(' ') {
            spaced.push(' ');
        }
        Self(spaced)
    }

    /// These words stand in the text, one after another. `phrase`: lower case, single blanks.
    pub(super) fn has(&self, phrase: &str) -> bool {
        self.0.match_indices(phrase).any(|(at, _)| self.0[..at].ends_with(' ') && self.0[at + phrase.len()..].starts_with(' '))
    }

    pub(super) fn any(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.has(phrase))
    }

    /// The first few of them.
    pub(super) fn first(&self, n: usize) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|w| !w.is_empty()).take(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_match() {
        let words = Words::of_message("A rapid, separate limit: RateLimitError (rate_limit_error) in OpenAI.");
        assert!(words.has("rapid") && words.has("separate limit") && words.has("rate limit error"));
        assert!(!words.has("api") && !words.has("arate") && !words.any(&["limi", "rapi"]));
        let names = Words::of_output("error[E0425]: cannot find function `rate_limit`; too many requests");
        assert!(!names.has("rate limit") && names.has("rate_limit") && names.has("too many requests"));
        assert_eq!(names.first(2).collect::<Vec<_>>(), ["error", "e0425"]);
        assert!(Words::of_output("").first(1).next().is_none() && !Words::of_output("").has("x"));
    }
}
