//! A terminal that a command writes to, as a person would see it.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::gateway::TestGateway;
use crate::sandbox::Behest;

/// A running command and what is on its screen.
pub struct Terminal {
    process: Child,
    screen: File,
    /// All that was written so far.
    pub text: String,
}

impl Terminal {
    /// Starts a command whose standard output and standard error are a terminal of 120 columns.
    pub fn start(behest: Behest) -> Self {
        let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&screen).and_then(|()| unlockpt(&screen)).expect("it can be opened");
        let size = Winsize { ws_row: 30, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&screen, size).expect("it has a size");
        let name = ptsname(&screen, Vec::new()).expect("it has a name");
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).custom_flags(OpenptFlags::NOCTTY.bits().cast_signed());
        let line = options.open(name.to_str().expect("text")).expect("it opens");
        let errors = line.try_clone().expect("a second handle");
        let behest = behest.env("TERM", "xterm-256color");
        let process = behest.spawn_to(Stdio::from(line), Stdio::from(errors));
        Self { process, screen: File::from(screen), text: String::new() }
    }

    /// Reads on until this has been written, behind what was read before.
    pub fn until(&mut self, wanted: &str) -> &str {
        let start = self.text.len();
        while !self.text[start..].contains(wanted) {
            assert!(self.read(), "`{wanted}` never came: {}", self.text);
        }
        &self.text[start..]
    }

    /// Reads to the end; gives the exit code.
    pub fn end(&mut self) -> Option<i32> {
        while self.read() {}
        self.process.wait().expect("it ends").code()
    }

    /// Ctrl-C.
    pub fn interrupt(&self) {
        let sent = Command::new("kill").args(["-INT", &self.process.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        // A terminal whose last program has ended is an error on some systems, and an end on others.
        let read = self.screen.read(&mut buffer).unwrap_or_default();
        self.text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        read > 0
    }
}

#[test]
fn a_watch_is_drawn_in_place_and_ends_with_ctrl_c() {
    let gateway = TestGateway::start();
    let mut terminal = Terminal::start(gateway.control(&["usage", "watch"]));
    terminal.until("watching project");
    gateway.behest(&["chat", "--user", "ann", "hello"]).run().text();
    assert!(terminal.until("calls: 1, attempts: 1, cost: $0.00").contains("ann"));
    gateway.behest(&["chat", "--user", "bob", "hello"]).run().text();
    let drawn = terminal.until("calls: 2, attempts: 2, cost: $0.00").to_owned();
    assert!(drawn.contains("\u{1b}[3A\u{1b}[J"), "three lines are taken back: {drawn}");
    assert!(drawn.contains("ann") && drawn.contains("bob"), "{drawn}");
    terminal.interrupt();
    assert_eq!(terminal.end(), Some(130), "{}", terminal.text);
}

#[test]
fn bars_are_of_eighths_on_a_terminal_and_plain_without_colours() {
    let gateway = TestGateway::start();
    gateway.control(&["settings", "set", "rpm_limit=32", "--deploy"]).run().text();
    for _ in 0..3 {
        gateway.behest(&["chat", "hello"]).run().text();
    }
    let shown = |behest: Behest| {
        let mut terminal = Terminal::start(behest);
        assert_eq!(terminal.end(), Some(0), "{}", terminal.text);
        terminal.text
    };
    let fine = shown(gateway.control(&["limits"]));
    assert!(fine.contains("█▌··············   9%"), "{fine}");
    let plain = shown(gateway.control(&["limits"]).env("NO_COLOR", "1"));
    assert!(plain.contains("##..............   9%") && !plain.contains('\u{1b}'), "{plain}");
}
