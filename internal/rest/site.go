package rest

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/grovecloud/grove"
)

// sitePolicy is that of the dashboard: nothing from elsewhere, no script or style that
// stands in a page, and no text that becomes either.
const sitePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// sitePages are where the dashboard has pages; what they show is its own affair.
func sitePages() []string {
	return []string{
		"/{$}", "/welcome", "/add", "/connect", "/printers/{serial}", "/printers/{serial}/{part}", "/library", "/library/{id}", "/queue", "/history", "/timeline", "/jobs/{id}",
		"/activity", "/wall", "/account", "/account/{part}", "/admin", "/admin/{part}",
	}
}

// asset is a file that the dashboard loads.
type asset struct {
	kind         string
	plain, small []byte // as it is, and compressed where that helps
}

// site is the dashboard as it is served. The address of what it loads changes with any
// of its files, so that browsers may keep them for ever.
type site struct {
	*Router

	page   *template.Template
	assets map[string]asset
	base   string   // of the addresses of assets
	early  []string // the scripts that every page needs
	styles []string // of pages, in any order
}

func (rt *Router) mountSite() error {
	if rt.Dashboard == nil {
		return nil
	}
	s := site{Router: rt, assets: map[string]asset{}}
	if err := s.load(); err != nil {
		return err
	}
	for _, at := range sitePages() {
		rt.draw(at, s.show)
	}
	rt.draw("/app/{version}/{path...}", s.give)
	return nil
}

// draw mounts a page, or what pages load.
func (rt *Router) draw(at string, h http.HandlerFunc) {
	rt.mount(Route{Method: http.MethodGet, Path: at, Open: true, Page: true}, h)
}

func (s *site) load() (err error) {
	if s.page, err = template.ParseFS(s.Dashboard, "shell.html"); err != nil {
		return fmt.Errorf("parse shell: %w", err)
	}
	sum := sha256.New()
	err = fs.WalkDir(s.Dashboard, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) == ".go" {
			return err
		}
		content, err := fs.ReadFile(s.Dashboard, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %d\n", name, len(content))
		sum.Write(content)
		if name == "shell.html" {
			return nil
		}
		if s.assets[name], err = pack(name, content); err != nil {
			return err
		}
		if match, _ := path.Match("style/page-*.css", name); match {
			s.styles = append(s.styles, name)
		}
		if path.Ext(name) == ".js" && !strings.HasPrefix(name, "app/pages/") && !strings.Contains(name, "uplot") {
			s.early = append(s.early, name)
		}
		return nil
	})
	s.base = "/app/" + base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:9]) + "/"
	slices.Sort(s.early)
	return err
}

// kinds are told by the name alone: what the machine knows of types is not asked.
var kinds = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".json": "application/json", ".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8", ".webmanifest": "application/manifest+json", ".png": "image/png",
}

func pack(name string, content []byte) (asset, error) {
	a := asset{kind: kinds[path.Ext(name)], plain: content}
	if a.kind == "" {
		a.kind = "text/plain; charset=utf-8"
	}
	var small bytes.Buffer
	z, err := gzip.NewWriterLevel(&small, gzip.BestCompression)
	if err != nil {
		return a, err
	}
	if _, err := z.Write(content); err != nil {
		return a, err
	}
	if err := z.Close(); err != nil {
		return a, err
	}
	if small.Len() < len(content)*9/10 {
		a.small = small.Bytes()
	}
	return a, nil
}

// show answers the one page that draws all others, or leads where somebody must
// go first: to make the owner's account, or to sign in.
func (s *site) show(w http.ResponseWriter, r *http.Request) {
	if first, err := s.Access.NeedsSetup(r.Context()); err != nil {
		s.fail(w, r, err)
		return
	} else if first {
		http.Redirect(w, r, "/setup", http.StatusSeeOther)
		return
	}
	if !s.known(r) {
		http.Redirect(w, r, "/sign-in?"+url.Values{"to": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
		return
	}
	htmlHeaders(w, sitePolicy)
	w.Header().Set("Cache-Control", "no-store")
	if err := s.page.Execute(w, struct {
		Base          string
		Early, Styles []string
	}{s.base, s.early, s.styles}); err != nil {
		panic(err)
	}
}

// known reports whether the browser brings a session that counts.
func (s *site) known(r *http.Request) bool {
	c, err := r.Cookie(DashboardCookie)
	if err != nil || c.Value == "" {
		return false
	}
	_, err = s.Access.AuthenticateBrowser(r.Context(), c.Value, visit(r))
	return err == nil
}

func (s *site) give(w http.ResponseWriter, r *http.Request) {
	a, found := s.assets[r.PathValue("path")]
	if !found {
		s.fail(w, r, grove.Errorf(grove.NotFound, "no_such_path", "there is nothing at %s", r.URL.Path))
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Content-Security-Policy", sitePolicy)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(r.URL.Path, s.base) {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	content := a.plain
	if a.small != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		content = a.small
	}
	if _, err := w.Write(content); err != nil {
		return // whoever asked is gone
	}
}
