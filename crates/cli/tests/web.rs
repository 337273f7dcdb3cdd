//! `greenlane serve` over real connections: who is let in, what is escaped, what forms do to a real run, what streams tell.
#![cfg(feature = "web")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::served::Served;
use common::{Running, Sandbox, await_file, eventually};

const ROUTES: [&str; 17] = [
    "/",
    "/metrics",
    "/metrics?token=0",
    "/static/style.css",
    "/static/page.js",
    "/r/repo/",
    "/r/repo/timeline",
    "/r/repo/failures",
    "/r/repo/health",
    "/r/repo/questions",
    "/r/repo/runs",
    "/r/repo/land",
    "/r/repo/task/p/a",
    "/r/repo/task/p/a/diff",
    "/r/repo/task/p/a/compare",
    "/r/repo/task/p/a/log",
    "/r/repo/?live=x",
];

fn waiting(id: &str, title: &str) -> String {
    let wait = await_file(&format!("go-{id}"));
    format!(
        "[[task]]\nid = \"{id}\"\ntitle = '{title}'\nowns = [\"{id}.txt\"]\nretries = 0\nrun = '''\n{wait}; echo {id} >> {id}.txt\n'''\n"
    )
}

/// A run of these tasks, each of which waits for its file; they are at work.
fn at_work(s: &Sandbox, tasks: &[&str]) -> Running {
    let plan: String = tasks.iter().map(|t| waiting(t, &format!("About {t}"))).collect();
    let run = s.start(s.run_command(&format!("verify = []\n{plan}"), &[]));
    eventually("all are at work", || s.count("attempt_spawned") == tasks.len());
    run
}

fn go(s: &Sandbox, task: &str) {
    std::fs::write(s.out(&format!("go-{task}")), "").unwrap();
}

fn run_id(s: &Sandbox) -> String {
    s.status()["run"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn without_the_cookie_nobody_gets_anything() {
    let s = Sandbox::new(&[]);
    let web = Served::of(&s);
    let host = ("Host", web.host.as_str());
    for route in ROUTES.into_iter().chain(["/nonsense", "/r/other/"]) {
        for cookie in ["", "greenlane-00000000=x", &web.cookie[..web.cookie.len() - 1], &web.cookie.replace("greenlane", "other")] {
            let reply = web.say("GET", route, &[host, ("Cookie", cookie)], "");
            assert_eq!(reply.code, 401, "{route} with `{cookie}`");
            assert!(!reply.body.contains("README") && !reply.head.contains("set-cookie"), "{reply:?}");
        }
    }
    assert_eq!(web.say("POST", "/r/repo/act", &[host], "do=pause").code, 401);
    for path in ["/open", "/open?token=", "/open?token=0000", &format!("/open?token={}0", web.token)] {
        assert_eq!(web.say("GET", path, &[host], "").code, 401, "{path}");
    }
    let bearer = format!("Bearer {}", web.token);
    assert_eq!(web.say("GET", "/r/repo/", &[host, ("Authorization", &bearer)], "").code, 200, "a program may hold the token");
    assert_eq!(web.say("GET", "/r/repo/", &[host, ("Authorization", "Bearer 1"), ("Cookie", &web.cookie)], "").code, 401);
}

#[test]
fn every_answer_forbids_what_a_page_of_ours_never_needs() {
    let s = Sandbox::new(&[]);
    let web = Served::of(&s);
    let mut replies: Vec<_> = ["/", "/r/repo/", "/static/page.js", "/nonsense"].iter().map(|r| web.get(r)).collect();
    replies.push(web.say("GET", "/", &[("Host", &web.host)], ""));
    replies.push(web.say("GET", "/", &[("Host", "evil.example")], ""));
    for reply in replies {
        let policy = reply.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(reply.header("referrer-policy"), Some("same-origin"));
    }
    let page = web.get("/r/repo/").body;
    assert!(page.contains("Nothing has run here yet"), "{page}");
    for inline in ["<style", "style=", "onclick", "onload", "<script>", "http://", "https://", "//cdn"] {
        assert!(!page.replace("http://www.w3.org", "").contains(inline), "{inline}: {page}");
    }
}

#[test]
fn another_name_another_site_and_another_method_are_turned_away() {
    let s = Sandbox::new(&[]);
    let run = at_work(&s, &["a"]);
    let web = Served::of(&s);
    let cookie = ("Cookie", web.cookie.as_str());
    for host in ["evil.example", "127.0.0.1.evil.example", "192.168.0.9:80", ""] {
        assert_eq!(web.say("GET", "/r/repo/", &[("Host", host), cookie], "").code, 403, "{host}");
        assert_eq!(web.say("GET", &format!("/open?token={}", web.token), &[("Host", host)], "").code, 403, "{host}");
    }
    let twice = [("Host", web.host.as_str()), ("Host", "evil.example"), cookie];
    assert!(web.say("GET", "/r/repo/", &twice, "").code >= 400);
    let host = ("Host", web.host.as_str());
    let form = format!("do=pause&of={}", run_id(&s));
    let bad_origins = ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1", ""];
    for origin in bad_origins {
        assert_eq!(web.say("POST", "/r/repo/act", &[host, cookie, ("Origin", origin)], &form).code, 403, "{origin}");
    }
    for site in ["cross-site", "same-site", "none"] {
        assert_eq!(web.say("POST", "/r/repo/act", &[host, cookie, ("Sec-Fetch-Site", site)], &form).code, 403, "{site}");
    }
    assert_eq!(web.say("POST", "/r/repo/act", &[host, cookie], &form).code, 403, "who does not say where it comes from");
    assert_eq!(s.count("run_paused"), 0, "nothing of it was done");
    for method in ["PUT", "DELETE", "OPTIONS", "TRACE"] {
        assert_eq!(web.say(method, "/r/repo/act", &[host, cookie], "").code, 405, "{method}");
    }
    assert_eq!(web.say("GET", &format!("/r/repo/act?{form}"), &[host, cookie], "").code, 405, "a link changes nothing");
    let large = format!("do=answer&text={}", "x".repeat(200_000));
    let origin = format!("http://{}", web.host);
    assert_eq!(web.say("POST", "/r/repo/act", &[host, cookie, ("Origin", &origin)], &large).code, 413);
    go(&s, "a");
    assert_eq!(run.wait().code, 0);
}

#[test]
fn script_in_titles_file_names_and_output_stays_text() {
    let s = Sandbox::new(&[]);
    let evil = "<img src=x onerror=alert(1)>";
    let plan = format!(
        "verify = []\nname = \"{evil}\"\n[[task]]\nid = \"a\"\ntitle = \"{evil}<script>alert(2)</script>\"\nowns = [\"**\"]\nretries = 0\nrun = '''\n\
         echo \"{evil}\"; echo \"</pre><script>alert(3)</script>\" > \"<b>.html\"; echo \"{evil}\" >&2\n'''\n\
         [[task]]\nid = \"b\"\ntitle = \"fails\"\nretries = 0\nrun = '''\necho \"{evil}\" >&2; exit 3\n'''\n"
    );
    assert_eq!(s.run(&plan, &["--keep-going"]).code, 1);
    let web = Served::of(&s);
    let pages = [
        "/r/repo/",
        "/r/repo/?find=%3Cscript%3Ealert(4)%3C/script%3E",
        "/r/repo/?show=%22%3E%3Cscript%3E",
        "/r/repo/timeline",
        "/r/repo/failures",
        "/r/repo/health",
        "/r/repo/runs",
        "/r/repo/task/p/a",
        "/r/repo/task/p/b",
        "/r/repo/task/p/a/diff",
        "/r/repo/task/p/a/diff?as=column",
        "/r/repo/task/p/a/compare",
        "/r/repo/task/p/%3Cscript%3E",
        "/r/repo/?run=%3Cscript%3Ealert(5)%3C/script%3E",
        "/r/repo/land?into=%22%3E%3Cscript%3E",
    ];
    for page in pages {
        let body = web.get(page).body;
        assert!(body.contains("</html>"), "{page}");
        assert!(!body.contains("<img") && !body.contains("<script>") && !body.contains("<b>"), "{page}: {body}");
    }
    let diff = web.get("/r/repo/task/p/a/diff").body;
    assert!(diff.contains("&#60;b&#62;.html") && diff.contains("alert(3)"), "{diff}");
    let log = web.get("/r/repo/task/p/a/log");
    assert_eq!(log.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(log.body.contains(evil), "as it was printed: {log:?}");
}

#[test]
fn attempts_stand_beside_each_other_and_so_does_what_any_two_of_them_did() {
    let s = Sandbox::new(&[("x.txt", "begin\n")]);
    // The first is gone on with, and somebody deletes the ref that keeps it; the second fails its check; the third is kept since the fourth begins anew.
    let plan = r#"
verify = ["test -f README.md"]
[[task]]
id = "a"
owns = ["*.txt"]
retries = 0
check = ["test -f x.txt", "grep -q good x.txt"]
run = """
n=$(($(cat $OUT/n 2>/dev/null || echo 0) + 1)); echo $n > $OUT/n
case $n in
1) echo zero > x.txt; exit 3;;
2) echo one > x.txt;;
3) echo 'two <b>' > x.txt; echo new > new.txt; exit 3;;
4) echo good > x.txt;;
esac
"""
"#;
    assert_eq!(s.run(plan, &[]).code, 1);
    assert_eq!(s.greenlane(&["retry", "a"]).code, 1);
    assert_eq!(s.greenlane(&["retry", "a"]).code, 1);
    let web = Served::of(&s);
    eventually("the third is there", || web.get("/r/repo/task/p/a").body.contains("attempt 3"));
    let page = web.get("/r/repo/task/p/a/compare?a=2&b=3").body;
    assert!(page.contains("attempt 3: in its worktree now") && page.contains("two &#60;b&#62;"), "{page}");
    assert!(page.contains("new.txt"), "what git does not know is seen, too: {page}");
    let back = web.get("/r/repo/task/p/a/compare?a=3&b=2").body;
    assert!(back.contains("<td class=\"del\">two &#60;b&#62;</td>") && back.contains("<td class=\"add\">one</td>"), "{back}");
    let kept = s.git(&["for-each-ref", "--sort=committerdate", "--format=%(refname)", "refs/greenlane/"]);
    s.git(&["update-ref", "-d", kept.lines().find(|name| name.contains("/kept/")).unwrap()]);
    assert_eq!(s.greenlane(&["retry", "a", "--fresh"]).code, 0);
    eventually("it is done", || web.get("/r/repo/task/p/a").body.contains("landed as"));
    let page = web.get("/r/repo/task/p/a").body;
    let row = |page: &str, n: u32| {
        let from = page.split_once(&format!("attempt {n}</a>")).unwrap().1;
        from.split_once("</tr>").unwrap().0.to_owned()
    };
    let wanted = [
        (1, vec!["exit code 3", "not run", "attempt 2 went on with its work; how attempt 1 left it is not kept"]),
        (2, vec!["1 passed, failed: grep -q good x.txt, exit code 1", "1 file ", "+1", "−1"]),
        (3, vec!["exit code 3", "not run", "2 files "]),
        (4, vec!["2 passed, suite green", "1 file "]),
    ];
    for (n, parts) in wanted {
        let row = row(&page, n);
        parts.iter().for_each(|part| assert!(row.contains(part), "attempt {n}: {part}: {row}"));
    }
    assert!(page.contains("href=\"/r/repo/task/p/a/compare\""), "{page}");
    let newest = web.get("/r/repo/task/p/a/compare").body;
    assert!(newest.contains("From attempt 3 to attempt 4") && newest.contains("as it was left, in refs/greenlane/"), "{newest}");
    assert!(newest.contains("<td class=\"del\">two &#60;b&#62;</td>") && newest.contains("<td class=\"add\">good</td>"), "{newest}");
    assert!(newest.contains("<option value=\"3\" selected>") && newest.contains("<option value=\"4\" selected>"), "{newest}");
    let column = web.get("/r/repo/task/p/a/compare?a=2&b=4&as=column").body;
    assert!(column.contains("−one") && column.contains("+good") && column.contains("name=\"as\" value=\"column\""), "{column}");
    for (path, why) in [
        ("?a=1&b=4", "attempt 1 cannot be compared: attempt 2 went on with its work"),
        ("?a=2&b=2", "these are the same attempt"),
        ("?a=2&b=9", "there is no such attempt"),
    ] {
        let page = web.get(&format!("/r/repo/task/p/a/compare{path}")).body;
        assert!(page.contains(why), "{path}: {page}");
    }
    assert_eq!(web.get("/r/repo/task/p/none/compare").code, 404);
}

#[test]
fn forms_stop_retry_pause_and_do_nothing_when_they_are_sent_again() {
    let s = Sandbox::new(&[]);
    let run = at_work(&s, &["a", "b"]);
    let web = Served::of(&s);
    let of = run_id(&s);
    let act = |what: &str| web.post("/r/repo/act", &[("do", what), ("of", &of)]);
    assert_eq!(act("pause"), "paused: running attempts finish, no other starts");
    eventually("the page says so", || web.get("/r/repo/").body.contains("value=\"unpause\""));
    assert_eq!(act("unpause"), "attempts start again");
    let page = web.get("/r/repo/task/p/a").body;
    assert!(page.contains("value=\"stop 1 p a\""), "{page}");
    let stopped = act("stop 1 p a");
    assert!(stopped.contains("asked to end"), "{stopped}");
    eventually("it is called off", || s.states()["a"] == "cancelled");
    assert!(!act("stop 1 p a").contains("asked to end"), "what has ended is not ended again");
    eventually("the page offers a retry", || web.get("/r/repo/task/p/a").body.contains("value=\"retry 1 p a\""));
    assert!(act("retry 1 p a").contains("will be tried again"));
    eventually("it is tried again", || s.count("attempt_spawned") == 3);
    for old in ["retry 1 p a", "stop 1 p a", "kill 1 p a"] {
        assert!(act(old).contains("another attempt has been made since you looked"), "{old}");
    }
    assert_eq!(s.states()["a"], "running", "an old form ends no new attempt");
    for nonsense in ["stop 2 p z", "stop", "launch", "", "stop 2 p"] {
        let said = act(nonsense);
        assert!(said.contains("no such task") || said.contains("names no task") || said.contains("nothing that is known"), "{said}");
    }
    assert!(web.post("/r/repo/act", &[("do", "pause"), ("of", "no-such-run")]).contains("there is no run"));
    go(&s, "a");
    go(&s, "b");
    assert_eq!(run.wait().code, 0);
}

#[test]
fn a_failed_task_of_a_run_that_is_over_is_tried_again_in_the_background_and_lands_when_somebody_is_sure() {
    let s = Sandbox::new(&[]);
    let plan = "verify = []\n[[task]]\nid = \"a\"\nowns = [\"a.txt\"]\nretries = 0\nrun = '''\n[ -e $OUT/fixed ] && echo a > a.txt\n'''\n";
    assert_eq!(s.run(plan, &[]).code, 1);
    let of = run_id(&s);
    std::fs::write(s.out("fixed"), "").unwrap();
    let web = Served::of(&s);
    let said = web.post("/r/repo/act", &[("do", "retry 1 p a"), ("of", &of)]);
    assert!(said.contains("taken up in the background"), "{said}");
    eventually("it is done", || s.states()["a"] == "done" && s.status()["run"]["state"] == "finished");
    eventually("the page offers to land it", || web.get("/r/repo/").body.contains("Land…"));
    let page = web.get("/r/repo/land?plan=p").body;
    assert!(page.contains("would land on main"), "{page}");
    let heads = page.split_once("name=\"heads\" value=\"").unwrap().1.split('"').next().unwrap().to_owned();
    let land = |sure: &str, heads: &str| {
        let form = [("do", "land"), ("of", of.as_str()), ("plan", "p"), ("into", "main"), ("sure", sure), ("heads", heads)];
        web.post("/r/repo/act", &form)
    };
    assert!(land("", &heads).contains("say that you are sure"));
    assert!(land("yes", &heads.replace(&heads[..4], "0000")).contains("something has landed since you looked"));
    assert!(!s.repo().join("a.txt").exists());
    assert!(land("yes", &heads).contains("landed on main"));
    assert!(s.files_on("main").contains(&String::from("a.txt")));
}

#[test]
fn a_task_in_somebodys_hands_is_given_back() {
    let s = Sandbox::new(&[]);
    let plan = "verify = []\n[[task]]\nid = \"mine\"\ntitle = \"Write\"\nagent = \"person\"\nowns = [\"letter.txt\"]\n";
    let run = s.start(s.run_command(plan, &[]));
    eventually("the keeper waits", || s.count("attempt_spawned") == 1 && s.task("mine")["reason"].as_str().is_some());
    let web = Served::of(&s);
    let worktree = s.task("mine")["worktree"].as_str().unwrap().to_owned();
    eventually("the page offers it", || web.get("/r/repo/questions").body.contains("Done: check and land it"));
    std::fs::write(std::path::Path::new(&worktree).join("letter.txt"), "Dear all\n").unwrap();
    let of = run_id(&s);
    eventually("it is heard", || {
        let form = [("do", "done"), ("of", of.as_str()), ("task", "1 p mine"), ("text", "as agreed")];
        web.post("/r/repo/act", &form).contains("is given back")
    });
    assert_eq!(run.wait().code, 0);
    assert_eq!(s.landed_files(), ["letter.txt"]);
}

#[test]
fn an_open_page_is_told_what_is_new_and_only_that() {
    let s = Sandbox::new(&[]);
    let run = at_work(&s, &["a", "b"]);
    let web = Served::of(&s);
    eventually("the board is there", || web.get("/r/repo/").body.contains("id=\"t-p-b\""));
    let page = web.get("/r/repo/").body;
    let version = page.split_once("data-version=\"").unwrap().1.split('"').next().unwrap().to_owned();
    go(&s, "a");
    let lines = web.stream_until(&format!("/r/repo/?live={version}"), "✓");
    assert!(lines.iter().any(|l| l.eq_ignore_ascii_case("content-type: text/event-stream")), "{lines:?}");
    let patches: Vec<serde_json::Value> =
        lines.iter().filter_map(|l| l.strip_prefix("data: ")).filter_map(|d| serde_json::from_str(d).ok()).collect();
    let last = patches.last().unwrap();
    let ids: Vec<&str> = last["set"].as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"t-p-a") && ids.contains(&"summary"), "{ids:?}");
    let anew = web.stream_until("/r/repo/?live=other-1", "event: ");
    assert!(anew.iter().any(|l| l == "event: anew"), "who knows another server starts anew: {anew:?}");
    go(&s, "b");
    assert_eq!(run.wait().code, 0);
}

#[test]
fn a_growing_log_is_read_on_from_where_one_was() {
    let s = Sandbox::new(&[]);
    let plan = format!(
        "verify = []\n[[task]]\nid = \"a\"\nowns = [\"a.txt\"]\nrun = '''\necho first; {}; echo second; echo a > a.txt\n'''\n",
        await_file("more")
    );
    let run = s.start(s.run_command(&plan, &[]));
    let web = Served::of(&s);
    let read = |from: &str| web.get(&format!("/r/repo/task/p/a/log?attempt=1&read=on&from={from}"));
    let mut offset = String::new();
    eventually("the first line is there", || {
        let reply = read("0");
        offset = reply.header("x-offset").unwrap_or_default().to_owned();
        reply.body.starts_with("first\n")
    });
    assert_eq!(read(&offset).body, "", "nothing has come since");
    std::fs::write(s.out("more"), "").unwrap();
    eventually("the second line comes alone", || read(&offset).body == "second\n");
    assert_eq!(run.wait().code, 0);
    eventually("nothing more is to come", || read(&offset).header("x-ended") == Some("yes"));
}

#[test]
fn measures_are_read_with_the_token() {
    let s = Sandbox::new(&[]);
    assert_eq!(s.run("verify = []\n[[task]]\nid = \"one\"\nowns = [\"x\"]\nrun = \"echo x > x\"\n", &[]).code, 0);
    let web = Served::of(&s);
    let by_address = format!("/metrics?token={}", web.token);
    eventually("the run is there", || {
        web.say("GET", &by_address, &[("Host", &web.host)], "").body.contains("greenlane_tasks{repository=\"repo\",state=\"done\"} 1")
    });
    let page = format!("/r/repo/?token={}", web.token);
    assert_eq!(web.say("GET", &page, &[("Host", &web.host)], "").code, 401, "a page is not opened this way");
}

#[test]
fn several_repositories_are_served_side_by_side() {
    let (a, b) = (Sandbox::new(&[]), Sandbox::new(&[]));
    assert_eq!(a.run("verify = []\n[[task]]\nid = \"one\"\nowns = [\"x\"]\nrun = \"echo x > x\"\n", &[]).code, 0);
    let dirs = [a.repo(), b.repo()];
    let web = Served::by(a.command(&["serve", "--json", dirs[0].to_str().unwrap(), dirs[1].to_str().unwrap(), dirs[0].to_str().unwrap()]));
    eventually("both are listed", || web.get("/").body.matches("href=\"/r/repo").count() == 2);
    eventually("the first one's run is there", || web.get("/r/repo/").body.contains("id=\"t-p-one\""));
    assert!(web.get("/r/repo-2/").body.contains("Nothing has run here yet"));
    assert_eq!(web.get("/r/repo-3/").code, 404);
}

#[test]
fn the_dashboard_beside_a_run_ends_with_it() {
    let s = Sandbox::new(&[]);
    let plan = waiting("a", "About a");
    let mut command = s.run_command(&format!("verify = []\n{plan}"), &["--web"]);
    let mut child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut err = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut url = String::new();
    while !url.contains("http://") {
        url.clear();
        assert!(std::io::BufRead::read_line(&mut err, &mut url).unwrap() > 0, "no address was told");
    }
    assert!(url.contains("until the run ends"), "{url}");
    let host = url.split_once("http://").unwrap().1.split('/').next().unwrap().to_owned();
    let token = url.split_once("token=").unwrap().1.split(' ').next().unwrap();
    eventually("it serves", || {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(&host).unwrap();
        let ask = format!("GET /r/repo/ HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n");
        stream.write_all(ask.as_bytes()).unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page.contains("About a")
    });
    go(&s, "a");
    std::io::Read::read_to_string(&mut err, &mut String::new()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(std::net::TcpStream::connect(&host).is_err(), "nobody listens any more");
}

#[test]
fn beyond_this_machine_only_on_purpose() {
    let s = Sandbox::new(&[]);
    let refused = s.greenlane(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("can be reached from other machines") && refused.stderr.contains("ssh -L"), "{refused:?}");
    let taken = Served::of(&s);
    let again = s.greenlane(&["serve", "--listen", &taken.host]);
    assert_eq!(again.code, 3, "{again:?}");
    let outside = Sandbox::new(&[]);
    let nowhere = Ran::of(outside.command(&["-C", "/", "serve"]).output().unwrap());
    assert_eq!(nowhere.code, 3, "{nowhere:?}");
}

#[test]
fn who_is_on_another_machine_gets_in_by_the_address_that_was_printed_and_by_no_foreign_name() {
    let s = Sandbox::new(&[]);
    let run = at_work(&s, &["a"]);
    let local = Served::of(&s);
    assert!(local.elsewhere.is_empty(), "only this machine is listened to: {:?}", local.elsewhere);
    let web = Served::by(s.command(&["serve", "--json", "--listen", "0.0.0.0:0", "--beyond-this-machine", "--name", "box.lan"]));
    assert!(web.url.starts_with("http://127.0.0.1:"), "what is printed can be opened: {}", web.url);
    let port = web.host.split_once(':').unwrap().1;
    assert!(web.elsewhere.contains(&format!("http://box.lan:{port}/open?token={}", web.token)), "{:?}", web.elsewhere);
    let form = format!("do=pause&of={}", run_id(&s));
    for url in &web.elsewhere {
        let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let opened = web.say("GET", &format!("/{path}"), &[("Host", host)], "");
        assert_eq!(opened.code, 303, "{url}: {opened:?}");
        let cookie = opened.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let known = [("Host", host), ("Cookie", cookie.as_str())];
        assert_eq!(web.say("GET", "/r/repo/", &known, "").code, 200, "{url}");
        let origin = format!("http://{host}");
        let from = |origin: &str| web.say("POST", "/r/repo/act", &[known[0], known[1], ("Origin", origin)], &form).code;
        assert_eq!(from(&origin), 303, "{url}: its own forms are taken");
        assert_eq!(from("http://evil.example"), 403, "{url}");
    }
    for foreign in [format!("evil.example:{port}"), format!("127.0.0.1.evil.example:{port}"), String::from("box.lan.evil.example")] {
        let reply = web.say("GET", &format!("/open?token={}", web.token), &[("Host", &foreign)], "");
        assert_eq!(reply.code, 403, "{foreign}");
    }
    // What a person reads, where there is no script to read it.
    let mut plain = s.command(&["serve", "--listen", "0.0.0.0:0", "--beyond-this-machine", "--name", "box.lan"]);
    let mut plain =
        plain.stdin(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut err = std::io::BufReader::new(plain.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("Ctrl-C ends the server") {
        assert!(std::io::BufRead::read_line(&mut err, &mut said).unwrap() > 0, "{said}");
    }
    plain.kill().unwrap();
    plain.wait().unwrap();
    assert!(said.contains("From another machine: http://box.lan:") && said.contains("nothing is encrypted"), "{said}");
    go(&s, "a");
    web.post("/r/repo/act", &[("do", "unpause"), ("of", &run_id(&s))]);
    assert_eq!(run.wait().code, 0);
}

use common::Ran;
