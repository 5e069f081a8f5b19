package static_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/foundation-runtime/foundation/strategies"
	"github.com/foundation-runtime/foundation/strategies/static"
)

// TestReportsOnce translates libcluster's epmd_test.exs: the configured hosts are connected, and that is all.
func TestReportsOnce(t *testing.T) {
	s, err := static.New("b:2", " n@a:1", "b:2")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var got []string
	err = s.Watch(ctx, func(u strategies.Update) {
		got = append(got, fmt.Sprint(u))
		cancel()
	})
	if want := "{static(3) [n@a:1 b:2] <nil>}"; err != nil || len(got) != 1 || got[0] != want {
		t.Errorf("got %v, %v; want %s", got, err, want)
	}
	if err := s.Watch(ctx, func(strategies.Update) { t.Error("reported after the end") }); err != nil {
		t.Error(err)
	}
}

func TestEveryWrongEntryIsNamed(t *testing.T) {
	_, err := static.New("a:1", "b", "c:0", "x y@d:1")
	for _, want := range []string{`peers[1] is "b"`, `peers[2] is "c:0"`, `peers[3] is "x y@d:1"`, "write host:port"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %s: %v", want, err)
		}
	}
	_, err = static.New()
	if c, ok := errors.AsType[*strategies.ConfigError](err); !ok || c.Field != "peers" {
		t.Errorf("an empty list: %v", err)
	}
}

func Example() {
	_, err := static.New("10.0.0.1", "10.0.0.2:7946")
	fmt.Println(err)
	// Output:
	// strategies/static: peers[0] is "10.0.0.1": "10.0.0.1" is not host:port (IPv6 goes in brackets); write host:port or name@host:port, as in 10.0.0.1:7946
}
