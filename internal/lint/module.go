package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// modulePath is the import path of the repository's root.
const modulePath = "github.com/foundation-runtime/foundation"

// module is the source of the repository as the rules see it: its Go files, parsed, and its Markdown.
type module struct {
	fset     *token.FileSet
	files    []*goFile
	markdown map[string]string // path → text
	fsys     fs.FS
}

// goFile is one parsed Go file.
type goFile struct {
	path string // slash-separated, relative to the root
	test bool   // its name ends in _test.go
	ast  *ast.File
}

// dir is the package's directory relative to the root; "." is the root.
func (f *goFile) dir() string { return path.Dir(f.path) }

// imports lists the paths the file imports.
func (f *goFile) imports() []string {
	paths := make([]string, 0, len(f.ast.Imports))
	for _, spec := range f.ast.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

// load reads the tree. Hidden directories, testdata, vendored code and nested modules are not part of the module.
func load(fsys fs.FS) (*module, error) {
	m := &module{fset: token.NewFileSet(), markdown: map[string]string{}, fsys: fsys}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if skipDir(fsys, p) {
				return fs.SkipDir
			}
			return nil
		case strings.HasSuffix(p, ".go"):
			return m.addGo(p)
		case strings.HasSuffix(p, ".md"):
			text, err := fs.ReadFile(fsys, p)
			m.markdown[p] = string(text)
			return err
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("lint: read the module: %w", err)
	}
	return m, nil
}

func skipDir(fsys fs.FS, p string) bool {
	if p == "." {
		return false
	}
	name := path.Base(p)
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "vendor" {
		return true
	}
	_, err := fs.Stat(fsys, path.Join(p, "go.mod"))
	return err == nil
}

func (m *module) addGo(p string) error {
	src, err := fs.ReadFile(m.fsys, p)
	if err != nil {
		return err
	}
	parsed, err := parser.ParseFile(m.fset, p, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	m.files = append(m.files, &goFile{path: p, test: strings.HasSuffix(p, "_test.go"), ast: parsed})
	return nil
}

// packages groups the files by directory, in order of path.
func (m *module) packages() (dirs []string, files map[string][]*goFile) {
	files = map[string][]*goFile{}
	for _, f := range m.files {
		if files[f.dir()] == nil {
			dirs = append(dirs, f.dir())
		}
		files[f.dir()] = append(files[f.dir()], f)
	}
	slices.Sort(dirs)
	return dirs, files
}

// internalDir turns an import path of this module into its directory.
func internalDir(importPath string) (dir string, ok bool) {
	if importPath == modulePath {
		return ".", true
	}
	return strings.CutPrefix(importPath, modulePath+"/")
}

// matches reports whether dir is named by pattern: a directory, "dir/*" for its direct children, or "dir/..." for the
// directory and everything below.
func matches(pattern, dir string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return dir == base || strings.HasPrefix(dir, base+"/")
	}
	if base, ok := strings.CutSuffix(pattern, "/*"); ok {
		return path.Dir(dir) == base
	}
	return pattern == dir
}

func matchesAny(patterns []string, dir string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, dir) })
}
