//! A reader of a page: what a hand does to it goes by DevTools' protocol through all of the browser, and what comes of it is
//! read from the page.

use std::{path::Path, process::Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::{ALONE, Browser, DEADLINE};

/// The protocol is spoken on descriptors 3 and 4.
const PIPES: &str = r#"exec "$0" "$@" 3<&0 4>&1 1>&2 </dev/null"#;
/// What was drawn is on the page in the second frame from now.
const FRAMES: &str = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))";
/// The page says when its charts are drawn. It has no element yet when it is not read.
const DRAWN: &str = "new Promise((done) => {
  const look = () => (document.documentElement?.dataset.drawn ? done() : requestAnimationFrame(look));
  look();
})";
/// From when until when each chart shows.
const RANGES: &str = "[...document.querySelectorAll('.uplot')].map(({ dataset }) => [Number(dataset.from), Number(dataset.to)])";
/// One of the widest plots: all but those beside a single number.
const PLOT: &str = "(() => {
  const all = [...document.querySelectorAll('.u-over')];
  const most = Math.max(...all.map((one) => one.clientWidth));
  const wide = all.filter((one) => one.clientWidth === most);
  return wide[wide.length >> 1];
})()";
/// `modifiers` of an event: Ctrl is held.
const CTRL: u32 = 2;

/// A part of time, in milliseconds.
type Range = [i64; 2];

/// A page that is open, and the mouse on it.
struct Reader {
    browser: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    /// Of the page, once there is one.
    session: Option<String>,
    calls: u64,
    /// What its scripts threw.
    thrown: Vec<String>,
    _profile: TempDir,
}

/// Where something is in the window.
struct Place {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Place {
    /// A point at this share of its width, halfway down.
    fn at(&self, share: f64) -> [f64; 2] {
        let x = self.width.mul_add(share, self.left);
        [x, self.height.mul_add(0.5, self.top)]
    }
}

impl Browser {
    /// Zooms a page's charts by the mouse, by the wheel and by buttons, and back again. Each time all of them show the same.
    pub(crate) async fn zooms(&self, page: &Path) {
        let mut reader = self.reads(page).await;
        let whole = reader.range().await;
        reader.drag(0.25, 0.5).await;
        let dragged = reader.range().await;
        let [from, to] = whole;
        let (span, near) = (to - from, (to - from) / 50);
        assert!(
            (dragged[0] - (from + span / 4)).abs() < near
                && (dragged[1] - (from + span / 2)).abs() < near,
            "a drag over the second quarter of {whole:?} shows {dragged:?}"
        );
        reader.wheel().await;
        let closer = reader.range().await;
        assert!(
            closer[0] > dragged[0] && closer[1] < dragged[1],
            "after the wheel {closer:?}, before it {dragged:?}"
        );
        reader.double_click().await;
        assert_eq!(reader.range().await, whole, "a double-click shows all");
        reader.click("button[title='Zoom in']").await;
        let nearer = reader.range().await;
        assert!(
            nearer[0] > from && nearer[1] < to,
            "{nearer:?} of {whole:?}"
        );
        reader.click("button[title^='Show the whole']").await;
        assert_eq!(reader.range().await, whole, "the button shows all");
        reader.close().await;
    }

    async fn reads(&self, page: &Path) -> Reader {
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Command::new("sh")
            .args(["-c", PIPES])
            .arg(&self.program)
            .args(ALONE)
            .arg("--remote-debugging-pipe")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut reader = Reader {
            to: browser.stdin.take().unwrap(),
            from: BufReader::new(browser.stdout.take().unwrap()),
            browser,
            session: None,
            calls: 0,
            thrown: Vec::new(),
            _profile: profile,
        };
        reader.open(page).await;
        reader
    }
}

impl Reader {
    async fn open(&mut self, page: &Path) {
        let blank = json!({"url": "about:blank"});
        let target = self.call("Target.createTarget", blank).await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = self.call("Target.attachToTarget", attach).await;
        self.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        self.call("Runtime.enable", json!({})).await;
        let url = format!("file://{}", page.display());
        // Answered once the page is the one that is asked.
        self.call("Page.navigate", json!({"url": url})).await;
        self.eval(DRAWN).await;
    }

    /// What all charts show.
    async fn range(&mut self) -> Range {
        let all = self.eval(RANGES).await;
        let all: Vec<Range> = serde_json::from_value(all).unwrap();
        assert!(all.len() > 1, "{} charts", all.len());
        assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
        assert_eq!(self.thrown, Vec::<String>::new());
        all[0]
    }

    /// Draws over a plot from here to there.
    async fn drag(&mut self, from: f64, to: f64) {
        let plot = self.place(PLOT).await;
        self.mouse("mouseMoved", plot.at(from), &json!({})).await;
        self.press(plot.at(from), 1).await;
        for share in [f64::midpoint(from, to), to] {
            let held = json!({"button": "left", "buttons": 1});
            self.mouse("mouseMoved", plot.at(share), &held).await;
            self.eval(FRAMES).await;
        }
        self.release(plot.at(to), 1).await;
        self.eval(FRAMES).await;
    }

    /// Turns the wheel over the middle of a plot, with Ctrl.
    async fn wheel(&mut self) {
        let middle = self.place(PLOT).await.at(0.5);
        let turned = json!({"deltaX": 0, "deltaY": -120, "modifiers": CTRL});
        self.mouse("mouseWheel", middle, &turned).await;
        self.eval(FRAMES).await;
    }

    async fn double_click(&mut self) {
        let middle = self.place(PLOT).await.at(0.5);
        for count in [1, 2] {
            self.press(middle, count).await;
            self.release(middle, count).await;
        }
        self.eval(FRAMES).await;
    }

    async fn click(&mut self, selector: &str) {
        let button = format!("document.querySelector(\"{selector}\")");
        let middle = self.place(&button).await.at(0.5);
        self.press(middle, 1).await;
        self.release(middle, 1).await;
        self.eval(FRAMES).await;
    }

    async fn press(&mut self, at: [f64; 2], count: u32) {
        let pressed = json!({"button": "left", "buttons": 1, "clickCount": count});
        self.mouse("mousePressed", at, &pressed).await;
    }

    async fn release(&mut self, at: [f64; 2], count: u32) {
        let released = json!({"button": "left", "buttons": 0, "clickCount": count});
        self.mouse("mouseReleased", at, &released).await;
    }

    async fn mouse(&mut self, kind: &str, [x, y]: [f64; 2], more: &Value) {
        let mut event = json!({"type": kind, "x": x, "y": y});
        for (key, value) in more.as_object().unwrap() {
            event[key.as_str()] = value.clone();
        }
        self.call("Input.dispatchMouseEvent", event).await;
    }

    /// Where an element is, once it is in the window.
    async fn place(&mut self, element: &str) -> Place {
        self.eval(&format!(
            "{element}.scrollIntoView({{ block: 'center', behavior: 'instant' }})"
        ))
        .await;
        self.eval(FRAMES).await;
        let place = self
            .eval(&format!("{element}.getBoundingClientRect().toJSON()"))
            .await;
        let of = |side: &str| place[side].as_f64().unwrap();
        Place {
            left: of("left"),
            top: of("top"),
            width: of("width"),
            height: of("height"),
        }
    }

    /// What a script on the page yields.
    async fn eval(&mut self, script: &str) -> Value {
        let asked = json!({"expression": script, "awaitPromise": true, "returnByValue": true});
        let answer = self.call("Runtime.evaluate", asked).await;
        assert!(answer["exceptionDetails"].is_null(), "{script}: {answer}");
        answer["result"]["value"].clone()
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let mut call = json!({"id": self.calls, "method": method, "params": params});
        if let Some(session) = &self.session {
            call["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&call).unwrap();
        bytes.push(0);
        self.to.write_all(&bytes).await.unwrap();
        self.to.flush().await.unwrap();
        let answer = timeout(DEADLINE, self.answer()).await;
        let answer = answer.unwrap_or_else(|_| panic!("no answer to {method}"));
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The answer to the last call.
    async fn answer(&mut self) -> Value {
        loop {
            let mut bytes = Vec::new();
            self.from.read_until(0, &mut bytes).await.unwrap();
            assert_eq!(bytes.pop(), Some(0), "the browser has ended");
            let said: Value = serde_json::from_slice(&bytes).unwrap();
            if said["method"] == "Runtime.exceptionThrown" {
                self.thrown.push(said["params"].to_string());
            }
            if said["id"] == self.calls {
                return said;
            }
        }
    }

    async fn close(mut self) {
        self.session = None;
        self.call("Browser.close", json!({})).await;
        let ended = timeout(DEADLINE, self.browser.wait()).await;
        ended.unwrap().unwrap();
    }
}
