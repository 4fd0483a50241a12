//! Starting the child and listening to it.

use std::{collections::BTreeMap, fs::File, os::unix::process::ExitStatusExt as _, time::Duration};

use ordo_crash_point::{CrashPoint, VARIABLE};
use ordo_crash_tests::Question;
use tokio::process::Command;

use crate::child::{NATS, QUESTIONS, ROUND, STORE, TASK, WHOLE};

/// Far more than a round takes.
const PATIENCE: Duration = Duration::from_secs(200);
const SIGABRT: i32 = 6;

/// Where all processes of a sweep work.
pub struct Ground<'a> {
    pub store: &'a str,
    pub nats: &'a str,
    pub folder: &'a std::path::Path,
}

/// What a process has said.
pub struct Said {
    status: std::process::ExitStatus,
    output: String,
    errors: String,
}

impl Ground<'_> {
    /// Works until it crashes. Gives the questions that it asked and repeated.
    pub async fn crash(
        &self,
        point: CrashPoint,
        plan: &str,
        round: &str,
        repeat: &BTreeMap<String, Question>,
    ) -> BTreeMap<String, Question> {
        let spoils = matches!(
            point,
            CrashPoint::RelayStreamDeleted | CrashPoint::RelayStreamCreated
        );
        let task = if spoils { "spoil" } else { "work" };
        let said = self.run(task, round, repeat.values(), Some(plan)).await;
        let crashed = said.status.signal() == Some(SIGABRT)
            && said
                .errors
                .contains(&format!("crash point {}", point.name()));
        assert!(crashed, "{plan} was not reached: {}", said.told());
        said.questions(repeat)
    }

    /// Checks everything.
    pub async fn check(&self, questions: impl Iterator<Item = &Question>) {
        let said = self.run("check", "", questions, None).await;
        let whole = said.status.success() && said.output.contains(WHOLE);
        assert!(whole, "{}", said.told());
    }

    async fn run(
        &self,
        task: &str,
        round: &str,
        questions: impl Iterator<Item = &Question>,
        plan: Option<&str>,
    ) -> Said {
        let file = self.folder.join("questions");
        let lines: String = questions
            .map(|question| match question.acknowledged {
                Some((position, answer)) => format!("{} {position} {answer}\n", question.name),
                None => format!("{}\n", question.name),
            })
            .collect();
        std::fs::write(&file, lines).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "child::child", "--ignored", "--nocapture"])
            .env(TASK, task)
            .env(STORE, self.store)
            .env(NATS, self.nats)
            .env(ROUND, round)
            .env(QUESTIONS, file)
            .env_remove(VARIABLE)
            .current_dir(self.folder)
            .stdout(File::create(self.folder.join("output")).unwrap())
            .stderr(File::create(self.folder.join("errors")).unwrap())
            .kill_on_drop(true);
        if let Some(plan) = plan {
            command.env(VARIABLE, plan);
        }
        let done = tokio::time::timeout(PATIENCE, command.status()).await;
        let said = |file: &str| {
            let bytes = std::fs::read(self.folder.join(file)).unwrap();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (output, errors) = (said("output"), said("errors"));
        let Ok(status) = done else {
            panic!("{task} {plan:?} does not end: {output}\n{errors}");
        };
        Said {
            status: status.unwrap(),
            output,
            errors,
        }
    }
}

impl Said {
    fn told(&self) -> String {
        format!("{}\n{}\n{}", self.status, self.output, self.errors)
    }

    fn questions(&self, repeated: &BTreeMap<String, Question>) -> BTreeMap<String, Question> {
        let mut questions = repeated.clone();
        for line in self.output.lines() {
            let words: Vec<_> = line.split(' ').collect();
            match words.as_slice() {
                ["asks", name] => {
                    questions.insert((*name).to_owned(), Question::new(*name));
                }
                ["acknowledged", name, position, answer] => {
                    if let Some(question) = questions.get_mut(*name) {
                        question.acknowledged =
                            Some((position.parse().unwrap(), answer.parse().unwrap()));
                    }
                }
                _ => {}
            }
        }
        questions
    }
}
