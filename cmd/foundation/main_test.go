package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// outcome of a program that ended.
type outcome struct {
	status         int
	stdout, stderr string
}

func call(t *testing.T, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := program(context.Background(), args, surroundings{&stdout, &stderr, nil})
	return outcome{status, stdout.String(), stderr.String()}
}

// TestMistakes: wrong input has status 2 and says what is wrong and what to do.
func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	short, empty := write("short", "c2hvcnQ=\n"), write("empty", "# nothing\n")
	for _, c := range []struct {
		args string
		says []string
	}{
		{"", []string{"name a command", "foundation keygen"}},
		{"walk", []string{`"walk"`, "foundation help"}},
		{"help walk", []string{`"walk"`}},
		{"run -bogus", []string{"-bogus", "foundation help run"}},
		{"run here", []string{`"here"`, "foundation help run"}},
		{"run -name a/b", []string{`-name "a/b"`, "leave out"}},
		{"run -profile fast", []string{`-profile "fast"`, "development, lan or wan"}},
		{"run -label x -label =y", []string{`-label "x"`, `-label "=y"`, "key=value"}},
		{"run -tls-cert a.pem", []string{"-tls-key and -tls-ca", "all three"}},
		{"run -tls-cert no -tls-key no -tls-ca no", []string{"no: no such file"}},
		{"run -gossip-key-file " + short, []string{"line 1", "foundation keygen"}},
		{"run -gossip-key-file " + empty, []string{"holds no key"}},
		{"run -gossip-key-file " + dir + "/none", []string{"-gossip-key-file", "no such file"}},
		{"run -strategy guess", []string{`-strategy "guess"`, "file, mdns, dns"}},
		{"run -strategy file -service x", []string{"-service is of no use with -strategy file", "consul"}},
		{"run -strategy dns", []string{"strategies/dns: Name"}},
		{"run -strategy gossip", []string{"strategies/gossip: Secret"}},
		{"run -strategy kubernetes -service x", []string{"strategies/kubernetes"}},
		{"run -strategy static", []string{"strategies/static"}},
		{"run -strategy none -seed nowhere", []string{"Seeds", "nowhere", "host:port"}},
		{"run -strategy none -listen nowhere", []string{"Listen", "nowhere"}},
		{"run -strategy none -cluster a@b", []string{"Cluster", "a@b"}},
		{"run -strategy none -profile lan -listen 127.0.0.1:0", []string{"production needs TLS", "Insecure"}},
		{"run -name a/b -profile fast -strategy file -port 7", []string{"-name", "-profile", "-port"}},
		{"keygen -nodes a", []string{"-tls"}},
		{"keygen -tls " + dir, []string{"-nodes ann,bob"}},
		{"keygen -tls " + dir + " -nodes a/b", []string{`"a/b"`}},
		{"keygen -tls " + dir + " -nodes ca", []string{`"ca"`}},
		{"keygen -tls " + dir + " -nodes a -days 0", []string{"-days 0"}},
		{"keygen now", []string{`"now"`}},
		{"version -v", []string{"-v"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			got := call(t, strings.Fields(c.args)...)
			if got.status != statusUsage || got.stdout != "" {
				t.Errorf("status %d, printed %q", got.status, got.stdout)
			}
			for _, part := range c.says {
				if !strings.Contains(got.stderr, part) {
					t.Errorf("%q does not say %q", got.stderr, part)
				}
			}
		})
	}
}

func TestHelp(t *testing.T) {
	for args, says := range map[string]string{
		"help": "foundation keygen", "help run": "-strategy", "help keygen": "-nodes", "--help": "foundation run", "version": "foundation ",
	} {
		if got := call(t, strings.Fields(args)...); got.status != statusOK || !strings.Contains(got.stdout, says) || got.stderr != "" {
			t.Errorf("%s: %+v does not say %q", args, got, says)
		}
	}
	if got := call(t, "run", "-help"); got.status != statusOK || !strings.Contains(got.stderr, "-strategy") {
		t.Errorf("run -help: %+v", got)
	}
}

func TestGossipKey(t *testing.T) {
	seen := map[string]bool{}
	for range 3 {
		got := call(t, "keygen")
		key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(got.stdout))
		if got.status != statusOK || err != nil || len(key) != 32 || seen[got.stdout] {
			t.Errorf("%+v, %v", got, err)
		}
		seen[got.stdout] = true
	}
}
