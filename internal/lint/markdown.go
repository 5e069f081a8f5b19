package lint

import (
	"fmt"
	"go/ast"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

var (
	inlineLink    = regexp.MustCompile(`\]\(\s*<?([^)\s>]+)>?[^)]*\)`)
	referenceLink = regexp.MustCompile(`^\s{0,3}\[[^\]]+\]:\s*<?([^\s>]+)>?`)
	inlineCode    = regexp.MustCompile("`[^`]*`")
	copyMark      = regexp.MustCompile(`^<!-- file: (\S+) -->$`)
	runPattern    = regexp.MustCompile(`-run \S+`)
	testName      = regexp.MustCompile(`\b(?:Test|Fuzz|Example|Benchmark)[A-Z]\w*`)
)

// guarantees is the document whose promises each name the test that holds them; conformance names the tests that
// translate other projects' cases.
const guarantees, conformance = "docs/guarantees.md", "docs/conformance.md"

// prose calls f for every line of text that is not within a fenced code block, with its number.
func prose(text string, f func(n int, line string)) {
	fenced := false
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		if !fenced {
			f(i+1, line)
		}
	}
}

// checkLinks demands that relative links lead to a file of the tree and, if it is Markdown, to a heading in it.
func checkLinks(m *module) (faults []string) {
	for _, p := range slices.Sorted(maps.Keys(m.markdown)) {
		prose(m.markdown[p], func(n int, line string) {
			line = inlineCode.ReplaceAllString(line, "")
			links := inlineLink.FindAllStringSubmatch(line, -1)
			links = append(links, referenceLink.FindAllStringSubmatch(line, -1)...)
			for _, found := range links {
				if why := m.brokenLink(p, found[1]); why != "" {
					faults = append(faults, fmt.Sprintf("%s:%d: link to %s: %s", p, n, found[1], why))
				}
			}
		})
	}
	return faults
}

// brokenLink says what is wrong with a link in the document from, or nothing.
func (m *module) brokenLink(from, link string) string {
	if strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
		return ""
	}
	file, anchor, _ := strings.Cut(link, "#")
	target := from
	if file != "" {
		target = path.Join(path.Dir(from), file)
	}
	if _, err := fs.Stat(m.fsys, target); err != nil {
		return "no such file in the repository"
	}
	if text, ok := m.markdown[target]; ok && anchor != "" && !slices.Contains(anchors(text), anchor) {
		return "no such heading"
	}
	return ""
}

// anchors lists the fragment identifiers that the headings of a document get on a forge.
func anchors(text string) (ids []string) {
	prose(text, func(_ int, line string) {
		title := strings.TrimLeft(line, "#")
		if title == line || !strings.HasPrefix(title, " ") {
			return
		}
		ids = append(ids, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(title)))
	})
	return ids
}

// checkCopies compares code blocks that follow a line "<!-- file: path -->" with the file they claim to show, and
// demands that the README shows the first program.
func checkCopies(m *module) (faults []string) {
	const readme, first = "README.md", "examples/hello/main.go"
	shown := false
	for _, p := range slices.Sorted(maps.Keys(m.markdown)) {
		lines := strings.Split(m.markdown[p], "\n")
		for i, line := range lines {
			mark := copyMark.FindStringSubmatch(line)
			if mark == nil {
				continue
			}
			shown = shown || (p == readme && mark[1] == first)
			want, err := fs.ReadFile(m.fsys, mark[1])
			if err != nil {
				faults = append(faults, fmt.Sprintf("%s:%d: shows %s, which cannot be read", p, i+1, mark[1]))
				continue
			}
			if block(lines[i+1:]) != string(want) {
				faults = append(faults, fmt.Sprintf("%s:%d: the code block differs from %s", p, i+1, mark[1]))
			}
		}
	}
	if !shown {
		faults = append(faults, fmt.Sprintf("%s: does not show %s", readme, first))
	}
	return faults
}

// block returns the content of the fenced block that begins at the first line.
func block(lines []string) string {
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "```") {
		return ""
	}
	end := slices.Index(lines[1:], "```")
	if end < 0 {
		return ""
	}
	return strings.Join(lines[1:1+end], "\n") + "\n"
}

// checkGuarantees demands that every test named in the guarantees, or as a translated case, exists.
func checkGuarantees(m *module) (faults []string) {
	declared := map[string]bool{}
	for _, f := range m.files {
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && f.test && fn.Recv == nil {
				declared[fn.Name.Name] = true
			}
		}
	}
	for _, document := range []string{guarantees, conformance} {
		for i, line := range strings.Split(m.markdown[document], "\n") {
			for _, name := range testName.FindAllString(runPattern.ReplaceAllString(line, ""), -1) {
				if !declared[name] {
					faults = append(faults, fmt.Sprintf("%s:%d: there is no test %s", document, i+1, name))
				}
			}
		}
	}
	return faults
}
