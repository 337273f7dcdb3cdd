//! Why a task that failed is not tried again, in words: what the retry policy, the repairs, its budget or its account said. Looks back at
//! what was decided; decides nothing.

use crate::attempt::Verdict;
use crate::options::RetryPolicy;
use crate::state::{COMMAND_AGENT, State, TaskState};

impl RetryPolicy {
    /// Why such a failure is not followed by this retry, counted from 1, of at most so many; `None`: it is.
    #[must_use]
    pub fn refusal(
        &self,
        kind: crate::failure::FailureType,
        detail: Option<crate::failure::FailureDetail>,
        retry: u32,
        max: u32,
    ) -> Option<String> {
        if let Some(detail) = detail.filter(|d| d.is_hopeless()) {
            Some(format!("{} is never tried again: another attempt would end in the same way", detail.as_str()))
        } else if !self.is_retried(kind, detail) {
            Some(format!("{} is not among `retry_types`", kind.as_str()))
        } else if retry > max {
            Some(format!("{} of {max} retries are used up", retry.saturating_sub(1)))
        } else {
            None
        }
    }
}

/// Why this task was given up with its newest attempt; `None` where that did not fail. `reason`: the task's own.
#[must_use]
pub fn given_up(state: &State, task: &TaskState, reason: &str) -> Option<String> {
    let attempt = task.current()?;
    let failure = attempt.failure.as_ref()?;
    // Budgets and accounts have said it, after and before the failure's own words.
    if let Some(why) = reason.strip_prefix(&failure.message).and_then(|rest| rest.strip_prefix("; no further attempt: ")) {
        return Some(why.to_owned());
    }
    if let Some((why, _)) = reason.split_once(&format!("; {}", failure.message)) {
        return Some(why.to_owned());
    }
    let (options, definition) = (state.options(), state.definition(task));
    let retries_max = definition.retries.unwrap_or(options.retry.max);
    let why = options.retry.refusal(failure.kind, failure.detail, task.retries + 1, retries_max);
    let judged = attempt.refused.is_some()
        || matches!(attempt.verdict, Some(Verdict::CheckFailed { .. } | Verdict::OutsideOwnership { .. } | Verdict::NoChange));
    let by_command = attempt.agent == COMMAND_AGENT;
    let repairs = match definition.repairs.unwrap_or(if by_command { 0 } else { options.retry.repairs }) {
        _ if !judged || failure.hopeless() => None,
        0 if by_command => Some(String::from("a command is not told what was wrong")),
        max => Some(format!("{} of {max} repairs are used up", task.repairs)),
    };
    let all: Vec<String> = why.into_iter().chain(repairs).collect();
    (!all.is_empty()).then(|| all.join(", and "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{FailureDetail as D, FailureType as T};

    #[test]
    fn a_policy_says_why_not() {
        let policy = RetryPolicy::default();
        let why = |kind, detail, retry| policy.refusal(kind, detail, retry, 3);
        assert_eq!(why(T::ApiError, None, 3), None);
        assert_eq!(why(T::ApiError, None, 4).as_deref(), Some("3 of 3 retries are used up"));
        assert_eq!(why(T::Bug, None, 1).as_deref(), Some("bug is not among `retry_types`"));
        assert!(why(T::ApiError, Some(D::Authentication), 1).is_some_and(|why| why.starts_with("authentication is never tried again")));
    }
}
