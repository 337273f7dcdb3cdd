//! The names of what a task can be. Knows no rules.

use serde::{Deserialize, Serialize};

/// What kind of work a task is. The ancestor's fifteen, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskType {
    /// Code behind an interface: endpoints, services, command lines, libraries.
    BackendApi,
    /// A part of a web page's code: components, state, routes.
    FrontendComponent,
    /// Builds, CI, containers, deployment, the set-up of a project.
    DevopsInfrastructure,
    /// Tests and what they need.
    Testing,
    /// Tables, migrations, queries, indices.
    DatabaseSchema,
    /// Texts for people.
    Documentation,
    /// The same behaviour in better or newer code.
    LegacyRefactoring,
    /// Servers and clients of the Model Context Protocol.
    McpDevelopment,
    /// Who somebody is, and what they may do.
    AuthenticationAuthorization,
    /// How it looks and how it is used.
    UiUxDesign,
    /// Faster, smaller, with less.
    PerformanceOptimization,
    /// Against attack and disclosure.
    SecurityImplementation,
    /// One feature through front and back.
    FullStackFeature,
    /// Apps on phones.
    MobileDevelopment,
    /// Pipelines, imports, analysis, models of data.
    DataProcessing,
}

impl TaskType {
    /// Every one.
    pub const ALL: [TaskType; 15] = [
        TaskType::BackendApi,
        TaskType::FrontendComponent,
        TaskType::DevopsInfrastructure,
        TaskType::Testing,
        TaskType::DatabaseSchema,
        TaskType::Documentation,
        TaskType::LegacyRefactoring,
        TaskType::McpDevelopment,
        TaskType::AuthenticationAuthorization,
        TaskType::UiUxDesign,
        TaskType::PerformanceOptimization,
        TaskType::SecurityImplementation,
        TaskType::FullStackFeature,
        TaskType::MobileDevelopment,
        TaskType::DataProcessing,
    ];

    /// As in JSON and in configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TaskType::BackendApi => "backend_api",
            TaskType::FrontendComponent => "frontend_component",
            TaskType::DevopsInfrastructure => "devops_infrastructure",
            TaskType::Testing => "testing",
            TaskType::DatabaseSchema => "database_schema",
            TaskType::Documentation => "documentation",
            TaskType::LegacyRefactoring => "legacy_refactoring",
            TaskType::McpDevelopment => "mcp_development",
            TaskType::AuthenticationAuthorization => "authentication_authorization",
            TaskType::UiUxDesign => "ui_ux_design",
            TaskType::PerformanceOptimization => "performance_optimization",
            TaskType::SecurityImplementation => "security_implementation",
            TaskType::FullStackFeature => "full_stack_feature",
            TaskType::MobileDevelopment => "mobile_development",
            TaskType::DataProcessing => "data_processing",
        }
    }

    /// The type of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.as_str() == name)
    }
}

impl std::fmt::Display for TaskType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// How much a task asks of whoever does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Complexity {
    /// At most 2 points.
    Simple,
    /// At most 5.
    Medium,
    /// More.
    Complex,
}

impl Complexity {
    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Complexity::Simple => "simple",
            Complexity::Medium => "medium",
            Complexity::Complex => "complex",
        }
    }
}

impl std::fmt::Display for Complexity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_json() -> Result<(), serde_json::Error> {
        for kind in TaskType::ALL {
            assert_eq!(serde_json::to_string(&kind)?, format!("\"{kind}\""));
            assert_eq!(TaskType::named(kind.as_str()), Some(kind));
        }
        assert_eq!(TaskType::named("ui"), None);
        Ok(())
    }
}
