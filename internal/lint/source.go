package lint

import (
	"fmt"
	"go/ast"
	"strings"
)

// checkPackageDocs demands a package comment in one file of every package that has more than tests. That of a library
// begins "Package name", so that tools can show it.
func checkPackageDocs(m *module) (faults []string) {
	dirs, files := m.packages()
	for _, dir := range dirs {
		source, documented := false, false
		for _, f := range files[dir] {
			if f.test {
				continue
			}
			source = true
			doc, name := f.ast.Doc.Text(), f.ast.Name.Name
			documented = documented || (doc != "" && (name == "main" || strings.HasPrefix(doc, "Package "+name+" ")))
		}
		if source && !documented {
			faults = append(faults, fmt.Sprintf("%s: no package comment", dir))
		}
	}
	return faults
}

// checkSleeps finds uses of time.Sleep in tests, under whatever name time is imported.
func checkSleeps(m *module) (faults []string) {
	for _, f := range m.files {
		name := importName(f.ast, "time")
		if !f.test || name == "" {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if selects(n, name, "Sleep") {
				faults = append(faults, fmt.Sprintf("%s: a test sleeps; wait for an event, or on a timer within synctest",
					m.fset.Position(n.Pos())))
			}
			return true
		})
	}
	return faults
}

// importName is the name a file uses for the package path, "." for a dot import, or "" if it does not import it.
func importName(f *ast.File, path string) string {
	for _, spec := range f.Imports {
		if spec.Path.Value != `"`+path+`"` {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path[strings.LastIndexByte(path, '/')+1:]
	}
	return ""
}

// selects reports whether n uses member of the package named pkg.
func selects(n ast.Node, pkg, member string) bool {
	if pkg == "." {
		id, ok := n.(*ast.Ident)
		return ok && id.Name == member
	}
	sel, ok := n.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != member {
		return false
	}
	id, ok := sel.X.(*ast.Ident)
	return ok && id.Name == pkg
}
