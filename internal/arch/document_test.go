package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// document is one page for people, cut into blocks of code and the text between.
type document struct {
	name   string // as seen from the root
	text   string // whole
	prose  string // without the blocks
	blocks []block
}

// block is fenced code.
type block struct{ language, text string }

var fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

// documents are all pages that people wrote.
func documents(t *testing.T) []document {
	t.Helper()
	var all []document
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*.md", "changelog/*/*.md"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("no documents %s: %v", pattern, err)
		}
		for _, name := range names {
			all = append(all, read(t, name))
		}
	}
	return all
}

func read(t *testing.T, path string) document {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	name, err := filepath.Rel(root, path)
	if err != nil {
		t.Fatal(err)
	}
	d := document{name: name, text: string(raw), prose: fence.ReplaceAllString(string(raw), "")}
	for _, b := range fence.FindAllStringSubmatch(d.text, -1) {
		d.blocks = append(d.blocks, block{b[1], b[2]})
	}
	if strings.Contains(d.prose, "```") {
		t.Errorf("%s has a block of code that does not end", d.name)
	}
	return d
}

// spans are the words set as code within the text.
func (d document) spans() []string {
	var all []string
	for _, s := range code.FindAllStringSubmatch(d.prose, -1) {
		all = append(all, s[1])
	}
	return all
}

// lines are the shell lines of the blocks, continued ones joined.
func (d document) lines() []string {
	var all []string
	for _, b := range d.blocks {
		if b.language == "" || b.language == "sh" {
			all = append(all, strings.Split(strings.ReplaceAll(b.text, "\\\n", " "), "\n")...)
		}
	}
	return all
}

var (
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	unslug  = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// anchors are what links to headings end in.
func (d document) anchors() map[string]bool {
	all := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(d.prose, -1) {
		all[strings.ReplaceAll(unslug.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")] = true
	}
	return all
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksBetweenDocumentsLead(t *testing.T) {
	t.Parallel()
	for _, d := range documents(t) {
		for _, l := range link.FindAllStringSubmatch(d.prose, -1) {
			if strings.Contains(l[1], "://") {
				continue
			}
			to, anchor, anchored := strings.Cut(l[1], "#")
			path := filepath.Join(root, filepath.Dir(d.name), to)
			if to == "" {
				path = filepath.Join(root, d.name)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s links to %s, which is not there", d.name, l[1])
			} else if anchored && !read(t, path).anchors()[anchor] {
				t.Errorf("%s links to %s, which has no such heading", d.name, l[1])
			}
		}
	}
}

var script = regexp.MustCompile(`(?:^|\s)((?:scripts|examples)/[\w./-]+)`)

func TestScriptsThatDocumentsNameAreThere(t *testing.T) {
	t.Parallel()
	for _, d := range documents(t) {
		for _, text := range append(d.spans(), d.lines()...) {
			for _, s := range script.FindAllStringSubmatch(text, -1) {
				if _, err := os.Stat(filepath.Join(root, s[1])); err != nil {
					t.Errorf("%s names %s, which is not there", d.name, s[1])
				}
			}
		}
	}
}

// The Python that documents show is a piece of an example, which runs.
func TestThePythonInDocumentsRuns(t *testing.T) {
	t.Parallel()
	receiver := read(t, filepath.Join(root, "examples/receiver.py"))
	shown := 0
	for _, d := range documents(t) {
		for _, b := range d.blocks {
			if b.language != "python" {
				continue
			}
			shown++
			if !strings.Contains(receiver.text, b.text) {
				t.Errorf("%s shows Python that is not in %s:\n%s", d.name, receiver.name, b.text)
			}
		}
	}
	if shown == 0 {
		t.Error("no document shows how to verify a webhook in Python")
	}
}
