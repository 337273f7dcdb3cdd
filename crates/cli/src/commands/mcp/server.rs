//! The Model Context Protocol on standard input and output. The only place that knows the protocol's library and its reactor; calls block,
//! each on a thread of its own.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, InitializeResult, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler, ServiceExt as _};
use tokio::io::BufReader;
use tokio::sync::Mutex;

use super::calls::Calls;
use super::lines;
use super::tools::{TOOLS, schema};
use crate::error::{Error, Outcome};

/// Threads for calls that wait, and for standard input and output.
const THREADS_MAX: usize = 64;

/// Of the way between standard input and output and the library: what is longer waits.
const PIPE_BYTES: usize = 64 << 10;
/// Whoever does not read by then what was answered last does not read any more.
const LAST_WORDS: Duration = Duration::from_secs(1);

const INSTRUCTIONS: &str = "Tools for a task of a Greenlane run: work beside other agents, tell people how far you are, and ask them.";

#[derive(Clone)]
struct Handler {
    calls: Arc<Calls>,
}

impl ServerHandler for Handler {
    fn get_info(&self) -> InitializeResult {
        let server = Implementation::new("greenlane", env!("CARGO_PKG_VERSION"));
        let info = InitializeResult::new(ServerCapabilities::builder().enable_tools().build());
        info.with_server_info(server).with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(&self, _: Option<PaginatedRequestParams>, _: RequestContext<RoleServer>) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(TOOLS.iter().map(|t| Tool::new(t.name, t.description, Arc::new(schema(t)))).collect()))
    }

    async fn call_tool(&self, request: CallToolRequestParams, _: RequestContext<RoleServer>) -> Result<CallToolResponse, ErrorData> {
        let calls = Arc::clone(&self.calls);
        let name = request.name.clone();
        let done = tokio::task::spawn_blocking(move || calls.call(&request.name, request.arguments.unwrap_or_default()));
        match done.await {
            Ok(Some(Ok(text))) => Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into()),
            Ok(Some(Err(why))) => Ok(CallToolResult::error(vec![ContentBlock::text(why)]).into()),
            Ok(None) => Err(ErrorData::invalid_params(format!("there is no tool `{name}`"), None)),
            Err(e) => Err(ErrorData::internal_error(e.to_string(), None)),
        }
    }
}

/// Serves until standard input ends.
///
/// # Errors
/// If whoever started it does not speak the protocol.
pub fn serve(calls: Calls) -> Outcome {
    let builder = &mut tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().max_blocking_threads(THREADS_MAX).build();
    let runtime = runtime.map_err(|e| Error::environment(format!("no reactor can be had: {e}")))?;
    let served = runtime.block_on(async {
        let (stdin, stdout) = rmcp::transport::stdio();
        let out = Arc::new(Mutex::new(stdout));
        let (to, input) = tokio::io::duplex(PIPE_BYTES);
        let (output, from) = tokio::io::duplex(PIPE_BYTES);
        tokio::spawn(lines::incoming(BufReader::new(stdin), to, Arc::clone(&out)));
        let said = tokio::spawn(lines::outgoing(BufReader::new(from), out));
        let served = match (Handler { calls: Arc::new(calls) }).serve((input, output)).await {
            Ok(service) => service.waiting().await.map(drop).map_err(|e| e.to_string()),
            Err(e) => Err(e.to_string()),
        };
        // What was answered last is still on its way.
        drop(tokio::time::timeout(LAST_WORDS, said).await);
        served
    });
    // Calls that wait are of no use any more.
    runtime.shutdown_background();
    served.map_err(|e| Error::usage(format!("the Model Context Protocol was not spoken: {e}")))?;
    Ok(ExitCode::SUCCESS)
}
