package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"unicode"
	"unicode/utf8"
)

// maxWord bounds a word's length in bytes. A longer run of letters is encoded data, not a word, and is not counted:
// without a bound one file of a single endless run would be read into memory whole.
const maxWord = 64

// sniff is how much of a file decides whether it is text: the amount git looks at, too.
const sniff = 8000

// errBinary is the reason for skipping a file with a zero byte near its beginning.
var errBinary = errors.New("binary")

// counts is what one file contains. Words are lower case.
type counts struct {
	words map[string]int64
	total int64 // sum over words
	lines int64
}

// count reads text to its end. A word is a run of letters, digits and underscores of at most [maxWord] bytes that begins
// with a letter, so that numbers are none; a line ends with a newline or with the text. It uses memory for the distinct words alone, however long the text is.
func count(r io.Reader) (counts, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := in.Peek(sniff)
	if err != nil && !errors.Is(err, io.EOF) {
		return counts{}, err
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return counts{}, errBinary
	}
	t := tokenizer{seen: map[string]*int64{}}
	last := '\n'
	for {
		c, _, err := in.ReadRune()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return counts{}, err
		}
		t.next(c)
		last = c
	}
	t.endWord()
	if last != '\n' {
		t.lines++
	}
	return t.counts(), nil
}

// tokenizer cuts a stream of characters into words.
type tokenizer struct {
	// seen holds pointers so that counting a known word allocates nothing: only a map read may use string(word) for
	// free.
	seen  map[string]*int64
	word  []byte // the current one; grows one character beyond maxWord at most
	lines int64
}

func (t *tokenizer) next(c rune) {
	switch {
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_':
		t.add(c)
	case 'A' <= c && c <= 'Z':
		t.add(c + 'a' - 'A')
	case c >= utf8.RuneSelf && c != utf8.RuneError && (unicode.IsLetter(c) || unicode.IsDigit(c)):
		t.add(unicode.ToLower(c))
	default:
		t.endWord()
		if c == '\n' {
			t.lines++
		}
	}
}

func (t *tokenizer) add(c rune) {
	if len(t.word) <= maxWord {
		t.word = utf8.AppendRune(t.word, c)
	}
}

func (t *tokenizer) endWord() {
	if isWord(t.word) {
		if times := t.seen[string(t.word)]; times != nil {
			*times++
		} else {
			one := int64(1)
			t.seen[string(t.word)] = &one
		}
	}
	t.word = t.word[:0]
}

func isWord(run []byte) bool {
	first, _ := utf8.DecodeRune(run)
	return len(run) <= maxWord && unicode.IsLetter(first)
}

func (t *tokenizer) counts() counts {
	c := counts{words: make(map[string]int64, len(t.seen)), lines: t.lines}
	for word, times := range t.seen {
		c.words[word] = *times
		c.total += *times
	}
	return c
}

// entry is a row of the table of words.
type entry struct {
	Word  string
	Times int64
}

// ranking orders entries: the most frequent first, the alphabet among equals.
func ranking(a, b entry) int {
	return cmp.Or(cmp.Compare(b.Times, a.Times), cmp.Compare(a.Word, b.Word))
}

// top returns the first n of the ranking.
func top(words map[string]int64, n int) []entry {
	all := make([]entry, 0, len(words))
	for word, times := range words {
		all = append(all, entry{word, times})
	}
	return rank(all, n)
}

func rank(all []entry, n int) []entry {
	slices.SortFunc(all, ranking)
	return slices.Clip(all[:min(n, len(all))])
}
