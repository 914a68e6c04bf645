//! Two pipelines in one process, on two cameras and two cards, do not know of each other.

use dmaheap_tests::account::Account;
use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::census::Census;
use dmaheap_tests::device;
use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::vkms;

const SIZE: (u32, u32) = (640, 360);
const SINK: &str = "dmaheapkmssink";

#[test]
fn two_cameras_play_on_two_cards_at_once() {
    let cards = device::cards("vkms");
    assert_eq!(cards.len(), 2, "this machine has two vkms cards: {cards:?}");
    let cameras = [Vivid::find_instance(0), Vivid::find_instance(1)];
    cameras[0].show(Pattern::Red, OsdText::None);
    cameras[1].show(Pattern::Green, OsdText::None);
    let before = Census::take();
    let players = [0, 1].map(|at| {
        let source = format!(
            "{} io-mode=dmabuf-import ! {}",
            cameras[at].source(),
            NV12.caps(Naming::DmaDrm, SIZE)
        );
        Player::launch(&format!(
            "{source} ! dmaheapkmssink device={}",
            cards[at].node.display()
        ))
    });
    players.iter().for_each(Player::play);
    for player in players.iter().chain(&players) {
        player.wait_more(SINK, 5);
    }
    let [red, green] = [0, 1].map(|at| {
        players[at]
            .snapshot()
            .crop(vkms::centred(SIZE.0, SIZE.1))
            .pixel(300, 300)
    });
    assert!(
        red[0] > 230 && red[1] < 20,
        "the first display shows {red:?}"
    );
    assert!(
        green[1] > 230 && green[0] < 20,
        "the second display shows {green:?}"
    );
    for player in &players {
        let counts = player.stats(SINK, ["copies", "foreign"]);
        assert_eq!(counts, [0, 0], "copies and foreign frames");
    }
    // One ends, the other goes on.
    players[0].stop();
    players[1].wait_frames(10);
    players[1].stop();
    before.expect_released();
}

#[test]
fn one_camera_plays_on_two_cards_through_a_tee() {
    let cards = device::cards("vkms");
    assert_eq!(cards.len(), 2, "this machine has two vkms cards: {cards:?}");
    let camera = Vivid::find_instance(0);
    camera.show(Pattern::Red, OsdText::None);
    let source = format!(
        "{} io-mode=dmabuf-import ! {}",
        camera.source(),
        NV12.caps(Naming::DmaDrm, SIZE)
    );
    let branch = |at: usize| {
        format!(
            "t. ! queue ! dmaheapkmssink name=sink{at} device={}",
            cards[at].node.display()
        )
    };
    let player = Player::launch(&format!(
        "{source} ! dmaheapalloc ! tee name=t {} {}",
        branch(0),
        branch(1)
    ));
    player.play();
    for at in [0, 1] {
        let name = format!("sink{at}");
        Account::wait(&player, &name, "frames", 10);
        let shown = player
            .snapshot_of(&name)
            .crop(vkms::centred(SIZE.0, SIZE.1));
        assert!(
            shown.is_uniform() && shown.pixel(0, 0)[0] > 230,
            "display {at} shows {:?}",
            shown.pixel(0, 0)
        );
    }
}
