//go:build e2e

package e2e_test

import (
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/internal/e2e/netns"
	"github.com/foundation-runtime/foundation/strategies/gossip"
)

func gossipConfig(secret string) gossip.Config {
	return gossip.Config{Secret: []byte(secret), Interval: 200 * time.Millisecond, TTL: 4 * time.Second}
}

const rightSecret, wrongSecret = "the secret of the test cluster", "some other secret, of nobody"

// TestGossip: nodes find each other by multicast over a bridge, and leave by goodbye, silence and unplugging.
func TestGossip(t *testing.T) {
	t.Parallel()
	n := netns.New(t)
	ha, hb, hc := n.Host("a"), n.Host("b"), n.Host("c")
	a := watch(t, ha, "gossip", gossipConfig(rightSecret), "a", 7)
	b := watch(t, hb, "gossip", gossipConfig(rightSecret), "b", 7)
	a.until("[b@10.77.0.2:7]")
	b.until("[a@10.77.0.1:7]")
	c := watch(t, hc, "gossip", gossipConfig(rightSecret), "c", 7)
	c.until("[a@10.77.0.1:7 b@10.77.0.2:7]")
	a.until("[b@10.77.0.2:7 c@10.77.0.3:7]")

	stopped := time.Now()
	c.leave()
	if u, _ := a.until("[b@10.77.0.2:7]"); u.Time.Sub(stopped) >= 4*time.Second {
		t.Errorf("a goodbye was seen after %v, as late as silence", u.Time.Sub(stopped))
	}
	b.until("[a@10.77.0.1:7]")

	hb.LinkDown()
	b.until("check that the network carries multicast") // an error, so nobody is forgotten there
	a.until("[]")
	hb.LinkUp()
	a.until("[b@10.77.0.2:7]")
	b.until("[a@10.77.0.1:7]")

	b.Kill()
	killed := time.Now()
	if u, _ := a.until("[]"); u.Time.Sub(killed) > 12*time.Second {
		t.Errorf("silence was noticed after %v with a TTL of 4 s", u.Time.Sub(killed))
	}
}

// TestGossipWrongKey: who has another secret is refused aloud by both sides, and nobody becomes anybody's peer.
func TestGossipWrongKey(t *testing.T) {
	t.Parallel()
	n := netns.New(t)
	a := watch(t, n.Host("a"), "gossip", gossipConfig(rightSecret), "a", 7)
	a.until("[]")
	stranger := watch(t, n.Host("stranger"), "gossip", gossipConfig(wrongSecret), "stranger", 7)
	a.until("a datagram from 10.77.0.2 is refused")
	stranger.until("a datagram from 10.77.0.1 is refused")

	// A friend is found beside the stranger, by which time many more of his datagrams have come.
	b := watch(t, n.Host("b"), "gossip", gossipConfig(rightSecret), "b", 7)
	a.until("[b@10.77.0.3:7]")
	b.until("[a@10.77.0.1:7]")
	b.leave()
	a.until("[]")
	a.only("[]", "[b@10.77.0.3:7]")
	stranger.only("[]")

	// Another cluster with the same secret is not worth a word.
	other := gossipConfig(rightSecret)
	other.Cluster = "other"
	o := watch(t, n.Host("other"), "gossip", other, "other", 7)
	o.until("[]")
	o.leave()
	for i := range o.Out.Len() {
		if text, _ := o.Out.Next(t.Context(), i); i > 1 {
			t.Errorf("the other cluster printed %s", text)
		}
	}
}
