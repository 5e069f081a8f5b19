//go:build e2e

package e2e_test

import (
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/internal/e2e/netns"
	"github.com/foundation-runtime/foundation/strategies/mdns"
)

// TestMDNS: three nodes on a bridge, one of another cluster and one with another secret.
func TestMDNS(t *testing.T) {
	t.Parallel()
	n := netns.New(t)
	config := mdns.Config{Secret: []byte(rightSecret), Interval: 300 * time.Millisecond, Listen: 500 * time.Millisecond,
		TTL: 4 * time.Second}
	foreign, forged := config, config
	foreign.Cluster, forged.Secret = "foreign", []byte(wrongSecret)

	ha, hb, hc := n.Host("a"), n.Host("b"), n.Host("c")
	f := watch(t, n.Host("foreign"), "mdns", foreign, "foreign", 7)
	f.until("[]")
	a := watch(t, ha, "mdns", config, "a", 7)
	b := watch(t, hb, "mdns", config, "b", 7)
	c := watch(t, hc, "mdns", config, "c", 7)
	a.until("[b@10.77.0.2:7 c@10.77.0.3:7]")
	b.until("[a@10.77.0.1:7 c@10.77.0.3:7]")
	c.until("[a@10.77.0.1:7 b@10.77.0.2:7]")

	c.Kill()
	killed := time.Now()
	u, before := a.until("[b@10.77.0.2:7]")
	if after := u.Time.Sub(killed); after < config.TTL-2*(config.Interval+config.Listen) || len(before) > 0 {
		t.Errorf("a killed node left after %v with a TTL of %v, after %v", after, config.TTL, before)
	}
	b.until("[a@10.77.0.1:7]")

	watch(t, n.Host("forged"), "mdns", forged, "forged", 7)
	a.until("its tag is wrong")
	hb.LinkDown()
	a.until("[]")
	hb.LinkUp()
	a.until("[b@10.77.0.2:7]")
	f.only("[]")
	a.only("[]", "[b@10.77.0.2:7]", "[c@10.77.0.3:7]", "[b@10.77.0.2:7 c@10.77.0.3:7]")
}
