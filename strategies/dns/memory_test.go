package dns

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/strategies"
)

func peers(addrs ...string) (all []strategies.Peer) {
	for _, a := range addrs {
		all = append(all, strategies.Peer{Addr: a})
	}
	return all
}

// TestMemory: one step per answer, with the seconds at which it comes.
func TestMemory(t *testing.T) {
	down := errors.New("down")
	m := memory{keep: 30 * time.Second}
	for i, c := range []struct {
		second int
		answer answer
		want   string
	}{
		{0, answer{peers: peers("a:1", "b:1")}, "[a:1 b:1]"},
		{5, answer{peers: peers("a:1")}, "[a:1 b:1]"},                           // one of many at a time
		{10, answer{peers: peers("b:1", "c:1")}, "[a:1 b:1 c:1]"},               //
		{40, answer{peers: peers("c:1")}, "[b:1 c:1]"},                          // a was in no answer for 35 s
		{50, answer{err: down}, "[b:1 c:1]"},                                    //
		{5000, answer{peers: peers("d:1"), err: down}, "[b:1 c:1 d:1]"},         // incomplete: only adds
		{9000, answer{peers: peers("c:1")}, "[b:1 c:1 d:1]"},                    // nobody was asked for b meanwhile
		{9001, answer{peers: peers("c:1")}, "[c:1 d:1]"},                        // 31 s of complete answers without b
		{9040, answer{peers: peers("e:1")}, "[e:1]"},                            //
		{9045, answer{err: &net.DNSError{Err: "x", IsNotFound: true}}, "[e:1]"}, //
	} {
		if got := fmt.Sprint(m.hear(c.answer, time.Unix(int64(c.second), 0))); got != c.want {
			t.Errorf("step %d: got %s, want %s", i, got, c.want)
		}
	}
}

func TestJoin(t *testing.T) {
	missing, down := error(&net.DNSError{Err: "no such host", IsNotFound: true}), errors.New("down")
	for _, c := range []struct {
		a, b, want answer
	}{
		{answer{peers: peers("a:1")}, answer{peers: peers("b:1")}, answer{peers: peers("a:1", "b:1")}},
		{answer{peers: peers("a:1")}, answer{err: missing}, answer{peers: peers("a:1")}},
		{answer{err: missing}, answer{err: missing}, answer{err: missing}},
		{answer{peers: peers("a:1")}, answer{err: down}, answer{peers: peers("a:1"), err: down}},
		{answer{err: missing}, answer{err: down}, answer{err: down}},
		{answer{err: down}, answer{err: missing}, answer{err: down}},
	} {
		if got := join(c.a, c.b); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("join(%v, %v) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}
