package main

import (
	"strings"
	"unicode"
)

// naive counts words in the most obvious way, to compare with.
func naive(text string) map[string]int64 {
	words := map[string]int64{}
	for _, field := range strings.FieldsFunc(text, func(c rune) bool {
		return c == unicode.ReplacementChar || c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c)
	}) {
		word := strings.Map(unicode.ToLower, field)
		if len(word) <= maxWord && unicode.IsLetter([]rune(word)[0]) {
			words[word]++
		}
	}
	return words
}
