//! What the ancestors did: keywords as substrings. The parallel coordinator's five roles are as they were; of the orchestrator's rules for
//! its fifteen types only the way of matching is handed down (substrings, each hit a point, the first type wins a tie), so its words are
//! put together anew here: those that its type names and examples suggest.

use greenlane_core::classify::TaskType;

use super::labelled::Labelled;

/// The parallel coordinator: hits of substrings; security before testing before frontend before backend; without a hit, backend.
pub fn coordinator(task: &Labelled) -> TaskType {
    const ROLES: [(TaskType, &[&str]); 5] = [
        (TaskType::SecurityImplementation, &["auth", "vulnerability", "audit", "security"]),
        (TaskType::Testing, &["test", "spec", "coverage", "pytest", "playwright", "jest"]),
        (TaskType::FrontendComponent, &["ui", "component", "frontend", "react", "vue", "css"]),
        (TaskType::BackendApi, &["api", "backend", "server", "database", "schema", "microservice", "endpoint"]),
        (TaskType::DatabaseSchema, &["migration", "query", "index", "orm", "sql", "data model"]),
    ];
    most(&ROLES, task).unwrap_or(TaskType::BackendApi)
}

/// The orchestrator: the same way of matching over fifteen types; without a hit, unknown.
pub fn orchestrator(task: &Labelled) -> Option<TaskType> {
    const TYPES: [(TaskType, &[&str]); 15] = [
        (TaskType::BackendApi, &["api", "backend", "endpoint", "server", "rest", "service"]),
        (TaskType::FrontendComponent, &["frontend", "component", "react", "vue", "ui"]),
        (TaskType::DevopsInfrastructure, &["docker", "kubernetes", "deploy", "ci", "terraform", "infrastructure"]),
        (TaskType::Testing, &["test", "coverage", "pytest", "jest", "e2e"]),
        (TaskType::DatabaseSchema, &["database", "schema", "migration", "sql", "table"]),
        (TaskType::Documentation, &["document", "readme", "guide", "docs", "changelog"]),
        (TaskType::LegacyRefactoring, &["refactor", "legacy", "moderniz", "rename", "clean up"]),
        (TaskType::McpDevelopment, &["mcp", "model context protocol"]),
        (TaskType::AuthenticationAuthorization, &["auth", "login", "oauth", "jwt", "permission"]),
        (TaskType::UiUxDesign, &["design", "ux", "wireframe", "layout", "accessib"]),
        (TaskType::PerformanceOptimization, &["performance", "optimiz", "cache", "speed", "slow"]),
        (TaskType::SecurityImplementation, &["security", "encrypt", "vulnerab", "xss", "secret"]),
        (TaskType::FullStackFeature, &["full stack", "full-stack", "end to end", "feature"]),
        (TaskType::MobileDevelopment, &["mobile", "ios", "android", "react native", "flutter"]),
        (TaskType::DataProcessing, &["data", "etl", "pipeline", "csv", "analytics"]),
    ];
    most(&TYPES, task)
}

fn most(rules: &[(TaskType, &[&str])], task: &Labelled) -> Option<TaskType> {
    let text = format!("{} {} {}", task.title, task.body, task.files.join(" ")).to_lowercase();
    let hits = |words: &[&str]| words.iter().filter(|w| text.contains(**w)).count();
    let mut best = (0, None);
    for (kind, words) in rules {
        let n = hits(words);
        if n > best.0 {
            best = (n, Some(*kind));
        }
    }
    best.1
}
