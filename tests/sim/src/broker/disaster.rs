//! What happens to a broker: it goes away, and comes back without what it had not synced, without something in the middle,
//! with something else, or with nothing.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{Nats, Stream};

impl Nats {
    /// Lets disasters happen until the world is calm.
    pub async fn suffer(self: Arc<Self>) {
        let every = self.world.weather.disaster_every;
        if every == 0 {
            return;
        }
        loop {
            let wait = self.world.below(every * 2);
            tokio::time::sleep(Duration::from_millis(wait)).await;
            if self.world.is_calm() {
                return;
            }
            self.strike().await;
        }
    }

    async fn strike(&self) {
        let names: Vec<String> = self.streams().keys().cloned().collect();
        let Some(name) = self.world.pick(&names) else {
            return;
        };
        match self.world.below(6) {
            0 | 1 => self.change("lost.tail", &name, |stream, dice| {
                let keep = stream.last.saturating_sub(1 + dice % 12);
                stream.messages.split_off(&(keep + 1));
                stream.last = keep;
            }),
            2 => self.change("lost.middle", &name, |stream, dice| {
                let at = 1 + dice % stream.last.max(1);
                for sequence in at..(at + 1 + dice % 3).min(stream.last) {
                    stream.messages.remove(&sequence);
                }
            }),
            3 => {
                self.world.fault("lost.stream", format_args!("{name}"));
                self.streams().remove(&name);
                self.changed();
            }
            4 => self.change("altered", &name, |stream, dice| {
                let at = 1 + dice % stream.last.max(1);
                if let Some(message) = stream.messages.get_mut(&at) {
                    let mut bytes = message.payload.to_vec();
                    bytes.push(0x7f);
                    message.payload = bytes.into();
                    stream.altered = true;
                }
            }),
            _ => {}
        }
        // A power cut ends the connections, for a moment or for seconds.
        let away = [0, 20, 500, 3_000][self.world.below(4) as usize];
        self.go_away(away).await;
    }

    fn change(&self, kind: &'static str, name: &str, how: impl FnOnce(&mut Stream, u64)) {
        let dice = self.world.below(u64::MAX);
        if let Some(stream) = self.streams().get_mut(name) {
            self.world
                .fault(kind, format_args!("{name} of {}", stream.last));
            how(stream, dice);
        }
        self.changed();
    }

    async fn go_away(&self, millis: u64) {
        self.world.fault("broker.away", format_args!("{millis} ms"));
        self.up.store(false, Ordering::Relaxed);
        self.connections.send_modify(|count| *count += 1);
        tokio::time::sleep(Duration::from_millis(millis)).await;
        self.up.store(true, Ordering::Relaxed);
        self.connections.send_modify(|count| *count += 1);
        self.world.note("broker.back", format_args!(""));
    }

    /// Takes away streams with a message that is not what was published. Relays compare some messages only, at random; that
    /// no reader ever takes such a message is looked at before this.
    pub fn drop_altered(&self) {
        let world = &self.world;
        self.streams().retain(|name, stream| {
            if stream.altered {
                world.note("altered.dropped", format_args!("{name}"));
            }
            !stream.altered
        });
        self.changed();
    }
}
