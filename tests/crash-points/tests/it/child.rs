//! What the process does that is started again and again.

use ordo_crash_tests::{Place, Question, Shop};

pub const TASK: &str = "ORDO_CRASH_TEST_TASK";
pub const STORE: &str = "ORDO_CRASH_TEST_STORE";
pub const NATS: &str = "ORDO_CRASH_TEST_NATS";
/// Names what is asked in this round.
pub const ROUND: &str = "ORDO_CRASH_TEST_ROUND";
/// A file with the questions to repeat: a name each, and position and answer where they are known.
pub const QUESTIONS: &str = "ORDO_CRASH_TEST_QUESTIONS";
/// Said when all checks have passed.
pub const WHOLE: &str = "everything is whole";

fn variable(name: &str) -> String {
    std::env::var(name).unwrap()
}

fn questions() -> Vec<Question> {
    let text = std::fs::read_to_string(variable(QUESTIONS)).unwrap();
    text.lines()
        .map(|line| {
            let mut words = line.split(' ');
            let mut question = Question::new(words.next().unwrap());
            let mut number = || words.next()?.parse::<u64>().ok();
            question.acknowledged = number().zip(number());
            question
        })
        .collect()
}

/// Not a test by itself: the other process of the tests beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "is started by the other tests"]
async fn child() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let place = Place {
        store: variable(STORE).parse().unwrap(),
        nats: variable(NATS),
    };
    let shop = Shop::open(&place).await;
    if task == "check" {
        shop.check(&questions()).await;
        shop.close().await;
        println!("{WHOLE}");
    } else {
        shop.repeat(&questions()).await;
        shop.work(&variable(ROUND), task == "spoil").await;
    }
}
