package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	dir := t.TempDir()
	c, err := parse([]string{"-dir", dir, "-readers", "3", "-shards", "2", "-top", "5", "-poison", "bad", "-nodes", "4"}, io.Discard)
	if want := (config{dir, 3, 2, 5, "bad", 4}); err != nil || c != want {
		t.Errorf("got %+v, %v; want %+v", c, err, want)
	}
	if c, err = parse(nil, io.Discard); err != nil || filepath.Base(c.dir) != "src" || c.top != 20 {
		t.Errorf("without arguments: %+v, %v", c, err)
	}
}

func TestParseExplainsMistakes(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		says []string
	}{
		{"no directory", []string{"-dir", filepath.Join(dir, "none")}, []string{"-dir", "no such directory", "name one"}},
		{"a file", []string{"-dir", file}, []string{"this is a file", "-dir " + dir}},
		{"no readers", []string{"-dir", dir, "-readers", "0"}, []string{"-readers 0", "from 1 to"}},
		{"negative shards", []string{"-dir", dir, "-shards", "-1"}, []string{"-shards -1", "from 1 to"}},
		{"too many rows", []string{"-dir", dir, "-top", "999999"}, []string{"-top 999999", "from 1 to"}},
		{"no nodes", []string{"-dir", dir, "-nodes", "0"}, []string{"-nodes 0", "from 1 to"}},
		{"a data centre", []string{"-dir", dir, "-nodes", "17"}, []string{"-nodes 17", "from 1 to 16"}},
		{"several at once", []string{"-dir", dir, "-top", "0", "-shards", "0"}, []string{"-top 0", "-shards 0"}},
		{"an argument", []string{"somewhere"}, []string{`"somewhere"`, "-dir somewhere"}},
		{"no number", []string{"-dir", dir, "-top", "many"}, []string{"many", "-top"}},
		{"unknown flag", []string{"-bogus"}, []string{"-bogus"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse(c.args, io.Discard)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}
