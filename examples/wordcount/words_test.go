package main

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestCount(t *testing.T) {
	long := strings.Repeat("x", maxWord)
	for _, c := range []struct {
		name, text string
		words      map[string]int64
		lines      int64
	}{
		{"empty", "", map[string]int64{}, 0},
		{"one line without an end", "one", map[string]int64{"one": 1}, 1},
		{"case and signs", "One, one-two\nTWO!\n", map[string]int64{"one": 2, "two": 2}, 2},
		{"digits and underscores", "x_1 x_1 2 0x00 _", map[string]int64{"x_1": 2}, 1},
		{"other alphabets", "Ärger ärger мир МИР 世界", map[string]int64{"ärger": 2, "мир": 2, "世界": 1}, 1},
		{"invalid UTF-8 separates", "a\xffb", map[string]int64{"a": 1, "b": 1}, 1},
		{"longest word", long + " ok", map[string]int64{long: 1, "ok": 1}, 1},
		{"longer is no word", long + "x ok", map[string]int64{"ok": 1}, 1},
		{"blank lines", "\n\n", map[string]int64{}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			// One byte at a time, so that no boundary between reads matters.
			got, err := count(iotest.OneByteReader(strings.NewReader(c.text)))
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(got.words, c.words) || got.lines != c.lines {
				t.Errorf("got %v and %d lines, want %v and %d", got.words, got.lines, c.words, c.lines)
			}
			var sum int64
			for n := range maps.Values(got.words) {
				sum += n
			}
			if got.total != sum {
				t.Errorf("total %d, sum %d", got.total, sum)
			}
		})
	}
}

func TestCountRefusesBinaryAndBrokenInput(t *testing.T) {
	if _, err := count(strings.NewReader("ELF\x00")); !errors.Is(err, errBinary) {
		t.Errorf("a zero byte: %v", err)
	}
	if _, err := count(strings.NewReader(strings.Repeat("a ", sniff) + "\x00")); err != nil {
		t.Errorf("a zero byte beyond the part that is looked at: %v", err)
	}
	broken := errors.New("disk on fire")
	halfway := io.MultiReader(strings.NewReader(strings.Repeat("a ", sniff)), iotest.ErrReader(broken))
	if _, err := count(halfway); !errors.Is(err, broken) {
		t.Errorf("an error while reading: %v", err)
	}
	if _, err := count(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("an error at the first byte: %v", err)
	}
}

func TestTop(t *testing.T) {
	words := map[string]int64{"b": 2, "a": 2, "c": 9, "d": 1}
	if got, want := top(words, 3), []entry{{"c", 9}, {"a", 2}, {"b", 2}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := top(words, 10); len(got) != 4 {
		t.Errorf("fewer words than rows: got %v", got)
	}
}

func FuzzCount(f *testing.F) {
	f.Add("One, one-two\nTWO!\n")
	f.Add("a\xffb мир")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := count(strings.NewReader(text))
		if err != nil {
			if !errors.Is(err, errBinary) {
				t.Fatal(err)
			}
			return
		}
		want := naive(text)
		if !maps.Equal(got.words, want) {
			t.Errorf("got %v, want %v", got.words, want)
		}
	})
}
