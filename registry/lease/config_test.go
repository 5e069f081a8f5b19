package lease

import (
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
)

func TestConfig(t *testing.T) {
	const s = time.Second
	for _, x := range []struct {
		cfg    Config
		faults []string
	}{
		{Config{}, nil},
		{Config{TTL: 40 * s}, nil},
		{Config{TTL: 60 * s}, nil},
		{Config{TTL: 2 * s, MinTTL: 2 * s}, nil},
		{Config{Prefix: "a/b-c/d.e/", TLS: &tls.Config{}}, nil},
		{Config{Client: new(api.Client)}, nil},
		{Config{TTL: 2 * s}, []string{"TTL"}},
		{Config{TTL: 25 * time.Hour, LockDelay: 15 * s}, []string{"TTL", "LockDelay"}},
		{Config{TTL: 61 * s}, []string{"LockDelay"}},
		{Config{MinTTL: s / 2}, []string{"MinTTL"}},
		{Config{LockDelay: 9 * s}, []string{"LockDelay"}},
		{Config{LockDelay: 61 * s}, []string{"LockDelay"}},
		{Config{LockDelay: -s}, []string{"LockDelay"}},
		{Config{ValidFor: 10 * s}, []string{"ValidFor"}},
		{Config{ValidFor: 5 * s}, []string{"Renew"}},
		{Config{Renew: -s}, []string{"Renew", "Timeout", "RetryAfter"}},
		{Config{Renew: 5 * s}, []string{"Renew"}},
		{Config{Timeout: 7 * s}, []string{"Timeout"}},
		{Config{Timeout: 1}, []string{"Timeout"}},
		{Config{RetryAfter: 1}, []string{"RetryAfter"}},
		{Config{RetryAfter: 4 * s}, []string{"RetryAfter"}},
		{Config{Address: "a b"}, []string{"Address"}},
		{Config{Token: "hush\n"}, []string{"Token"}},
		{Config{Datacenter: "a/b"}, []string{"Datacenter"}},
		{Config{Client: new(api.Client), Token: "x"}, []string{"Client"}},
		{Config{Prefix: "/a/"}, []string{"Prefix"}},
		{Config{Prefix: "a"}, []string{"Prefix"}},
		{Config{Prefix: "a//b/"}, []string{"Prefix"}},
		{Config{Prefix: "a/../b/"}, []string{"Prefix"}},
		{Config{Prefix: "ä/"}, []string{"Prefix"}},
		{Config{Prefix: strings.Repeat("a", 256) + "/"}, []string{"Prefix"}},
	} {
		err := x.cfg.withDefaults().check()
		var fields []string
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range joined.Unwrap() {
				c, _ := errors.AsType[*ConfigError](e)
				fields = append(fields, c.Field)
				if c.Cure == "" || c.Why == "" || strings.Contains(c.Error(), "hush") || !strings.Contains(c.Error(), c.Field) {
					t.Errorf("%v", c)
				}
			}
		}
		if !slices.Equal(fields, x.faults) {
			t.Errorf("%+v: faults %v, want %v", x.cfg, err, x.faults)
		}
	}
	if _, _, err := (Config{Address: "ftp://x"}).withDefaults().connect(); err == nil || !strings.Contains(err.Error(), "Config.Address") {
		t.Error(err)
	}
	if _, idle, err := (Config{TLS: &tls.Config{}}).withDefaults().connect(); err != nil {
		t.Error(err)
	} else {
		idle()
	}
}

func FuzzValue(f *testing.F) {
	good, err := value{Node: "a", PID: "<a/1.1>", Activation: "x", Meta: "m"}.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"node":"a","activation":"b"}`))
	f.Add([]byte("{"))
	f.Add([]byte(strings.Repeat("[", 20000)))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := decodeValue(b)
		if err != nil {
			if v != (value{}) && !errors.Is(err, ErrLimit) {
				t.Errorf("%+v with %v", v, err)
			}
			return
		}
		text, err := v.encode()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := decodeValue(text); err != nil && len(text) <= maxValueBytes || err == nil && again != v {
			t.Errorf("%+v became %+v: %v", v, again, err)
		}
	})
}

func FuzzKey(f *testing.F) {
	for _, s := range []string{"a", "a/b", "..", "a=b", "ä", "%2F", "=2F", "=2f", "=", "a?b#c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if name, ok := unescape(s); ok && escape(name) != s {
			t.Errorf("%q is read as %q, which is written %q", s, name, escape(name))
		}
		if checkName("", s) != nil {
			return
		}
		key := escape(s)
		if name, ok := unescape(key); !ok || name != s || strings.ContainsAny(key, "/%?#. ") {
			t.Errorf("%q is written %q, and read as %q, %v", s, key, name, ok)
		}
	})
}

func TestTokens(t *testing.T) {
	tokens := []Token{0, 1, 2, 255, 256, 1 << 40, 1<<63 - 1}
	for i, a := range tokens {
		if again, err := ParseToken(a.String()); err != nil || again != a {
			t.Error(again, err)
		}
		for k, b := range tokens {
			if (string(a.Bytes()) < string(b.Bytes())) != (i < k) {
				t.Errorf("the bytes of %v and %v", a, b)
			}
		}
	}
	for _, bad := range []string{"", "-1", "+1", "01", "x", "18446744073709551616", " 1"} {
		if _, err := ParseToken(bad); err == nil {
			t.Errorf("%q is a token", bad)
		}
	}
	var f Fence
	for _, x := range []struct {
		t  Token
		ok bool
	}{{0, false}, {5, true}, {5, true}, {4, false}, {7, true}, {6, false}, {0, false}, {7, true}} {
		err := f.Admit(x.t)
		if (err == nil) != x.ok || err != nil && !errors.Is(err, ErrFenced) {
			t.Errorf("Admit(%v): %v", x.t, err)
		}
	}
	if f.Seen() != 7 {
		t.Error(f.Seen())
	}
}
