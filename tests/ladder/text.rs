//! The ladder in text.
use super::*;
use socklab::trace::ladder::{Glyphs, ladder};

#[test]
fn show() {
    std::fs::create_dir_all("/tmp/h/svg").unwrap();
    for (name, trace) in many() {
        println!("{name}\n{}", ladder(&trace, Glyphs::Unicode));
        if name.starts_with("bad-1-") {
            println!("{name}\n{}", ladder(&trace, Glyphs::Ascii));
        }
        std::fs::write(
            format!("/tmp/h/svg/{name}.svg"),
            socklab::trace::svg::ladder(&trace, &name, "A description"),
        )
        .unwrap();
    }
    let _ = one;
    use socklab::time::Timestamp;
    use socklab::trace::plots::*;
    let s = |ms: &[u64]| ms.iter().map(|ms| Timestamp::from_millis(*ms)).collect::<Vec<_>>();
    let end = |at, text: &str, answered| {
        Some(TimelineEnd { at: Timestamp::from_millis(at), text: text.into(), answered })
    };
    let rows = [
        TimelineRow {
            label: "TCP: SYN".into(),
            sent: s(&[0, 1000, 3000, 7000, 15000, 31000, 63000]),
            end: end(63100, "connected", true),
        },
        TimelineRow {
            label: "UDP: REQUEST".into(),
            sent: s(&[0, 1100, 3300, 7700, 15700, 23700]),
            end: end(31700, "gives up, exit 4", false),
        },
    ];
    println!("{}", timeline_text(&rows));
    std::fs::write(
        "/tmp/h/svg/timeline.svg",
        socklab::trace::svg::timeline(&rows, "black-hole", "d"),
    )
    .unwrap();
    let series: Vec<_> = ["TCP", "UDP"]
        .iter()
        .enumerate()
        .map(|(k, l)| ArrivalSeries {
            label: l.to_string(),
            messages: (1..=20u64)
                .map(|n| MessageTimes {
                    number: n,
                    sent: Timestamp::from_millis(n * 20),
                    handed_over: if n == 7 && k == 1 {
                        vec![]
                    } else if k == 0 && n >= 7 && n < 15 {
                        s(&[380])
                    } else {
                        s(&[n * 20 + 50])
                    },
                })
                .collect(),
        })
        .collect();
    println!("{}", arrivals_text(&series));
    std::fs::write(
        "/tmp/h/svg/arrivals.svg",
        socklab::trace::svg::arrivals(&series, "head-of-line", "d"),
    )
    .unwrap();
}
