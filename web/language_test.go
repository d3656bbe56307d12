package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// What is longer in another language, or breaks elsewhere, has its room on every page.
func TestPagesHoldInEveryLanguage(t *testing.T) {
	t.Parallel()
	pages := []string{
		"/", "/library", "/queue", "/history", "/timeline", "/activity", "/account", "/account/sign-in", "/account/keys", "/account/sessions",
		"/admin/people", "/admin/sharing", "/admin/webhooks", "/admin/bridges", "/admin/audit", "/admin/server", "/add", "/connect", "/welcome", "/wall",
	}
	for _, part := range []string{"", "/camera", "/filament", "/temperatures", "/storage", "/health", "/details", "/share"} {
		pages = append(pages, "/printers/"+demoX1+part)
	}
	for language, title := range map[string]string{"de": "Drucker", "zh": "打印机"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			c := serve(t, "--demo")
			v := visit(t, c.base)
			v.signIn(demoEmail, demoPassword)
			v.sees("Bench P1S")
			js[bool](v, fmt.Sprintf(`(localStorage.setItem("language", JSON.stringify(%q)), true)`, language))
			v.open("/")
			v.sees(title)
			for _, at := range pages {
				v.open(at)
				v.waits(at+" is there", func(string) bool {
					return js[bool](v, `document.readyState === "complete" && !!document.querySelector("h1") && !document.querySelector(".waiting, .spinner")`)
				})
				for _, width := range []int64{1280, 390} {
					v.do(chromedp.EmulateViewport(width, 844))
					name := fmt.Sprintf("%s-%d%s", language, width, strings.ReplaceAll(strings.TrimSuffix(at, "/"), "/", "-"))
					v.picture(name)
					if wide := js[int](v, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
						t.Errorf("%s is %d px too wide", name, wide)
					}
					if cut := js[[]string](v, `[...document.querySelectorAll("button, a.button, .state, .sign, .tabs a, h1, h2, th, dt, label, option")]
  .filter((e) => !e.matches(".bell") && e.checkVisibility() && e.clientWidth > 1 && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline").map((e) => e.innerText)`); len(cut) > 0 {
						t.Errorf("%s has no room for %q", name, cut)
					}
				}
			}
		})
	}
}
