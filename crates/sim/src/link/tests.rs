use super::*;

const LAN: DelayLaw = DelayLaw::exponential(50e-6, 10e-6);

fn link(config: LinkConfig) -> Link {
    Link::new(config, Random::new(1, 0))
}

fn mean(link: &mut Link, direction: Direction, at: f64) -> f64 {
    let n = 20_000;
    (0..n).map(|_| link.pass(direction, at)[0].unwrap()).sum::<f64>() / f64::from(n)
}

#[test]
fn a_delay_is_base_plus_scaled_variate() {
    let mut link = link(LinkConfig::asymmetric(LAN, DelayLaw::exponential(10e-3, 1e-3)));
    assert!((mean(&mut link, Direction::Up, 0.0) - 60e-6).abs() < 0.5e-6);
    assert!((mean(&mut link, Direction::Down, 0.0) - 11e-3).abs() < 0.05e-3);
    assert!((0..1000).all(|_| link.pass(Direction::Up, 0.0)[0].unwrap() >= 50e-6));
}

#[test]
fn the_congested_law_mixes_in_a_queue() {
    let mut random = Random::new(2, 0);
    let law =
        DelayLaw { base_s: 0.0, scale_s: 1e-6, shape: Shape::Congested { probability: 0.5, wait_s: 1e-3 } };
    let n = 20_000;
    let mean = (0..n).map(|_| law.draw(&mut random)).sum::<f64>() / f64::from(n);
    assert!((mean - 1.501e-3).abs() < 0.05e-3, "{mean}");
}

#[test]
fn loss_takes_its_share() {
    let mut link = link(LinkConfig { loss: 0.3, ..LinkConfig::symmetric(LAN) });
    let lost = (0..10_000).filter(|_| link.pass(Direction::Up, 0.0)[0].is_none()).count();
    assert!(lost.abs_diff(3000) < 200, "{lost}");
}

#[test]
fn nothing_passes_in_an_outage() {
    let outage = Window { from_s: 10.0, until_s: 20.0 };
    let mut link = link(LinkConfig { outages: vec![outage], ..LinkConfig::symmetric(LAN) });
    let passes = [9.9, 10.0, 19.9, 20.0].map(|at| link.pass(Direction::Down, at)[0].is_some());
    assert_eq!(passes, [true, false, false, true]);
}

#[test]
fn a_route_change_moves_one_way_only_if_told_so() {
    let change = RouteChange { at_s: 100.0, up_s: 2e-3, down_s: 0.0 };
    let mut link = link(LinkConfig { changes: vec![change], ..LinkConfig::symmetric(LAN) });
    assert!((mean(&mut link, Direction::Up, 99.0) - 60e-6).abs() < 1e-6);
    assert!((mean(&mut link, Direction::Up, 100.0) - 2060e-6).abs() < 1e-6);
    assert!((mean(&mut link, Direction::Down, 100.0) - 60e-6).abs() < 1e-6);
}

#[test]
fn a_ramp_grows_and_stays() {
    let window = Window { from_s: 100.0, until_s: 200.0 };
    let ramp = DelayRamp { window, up_rate: 0.0, down_rate: 1e-5 };
    let mut link = link(LinkConfig { ramp: Some(ramp), ..LinkConfig::symmetric(LAN) });
    let at = |link: &mut Link, t| mean(link, Direction::Down, t);
    assert!((at(&mut link, 50.0) - 60e-6).abs() < 1e-6);
    assert!((at(&mut link, 150.0) - 560e-6).abs() < 1e-6);
    assert!((at(&mut link, 300.0) - 1060e-6).abs() < 1e-6);
    assert!((mean(&mut link, Direction::Up, 300.0) - 60e-6).abs() < 1e-6);
}

#[test]
fn duplicates_and_stragglers_come_as_often_as_told() {
    let config = LinkConfig { duplicate: 0.2, straggle: 0.1, straggle_s: 5.0, ..LinkConfig::symmetric(LAN) };
    let mut link = link(config);
    let (mut twice, mut late) = (0_u32, 0_u32);
    for _ in 0..10_000 {
        let [first, second] = link.pass(Direction::Up, 0.0);
        twice += u32::from(second.is_some());
        late += u32::from(first.unwrap() > 5.0);
    }
    assert!(twice.abs_diff(2000) < 200 && late.abs_diff(1000) < 150, "{twice} {late}");
}
