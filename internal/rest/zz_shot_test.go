package rest_test

import (
	"net/http/httptest"
	"os/exec"
	"testing"

	"github.com/grovecloud/grove/internal/rest/resttest"
)

func TestShot(t *testing.T) {
	h := resttest.New(t, "off")
	s := httptest.NewServer(h)
	defer s.Close()
	for out, path := range map[string]string{"root": "/", "docs": "/docs"} {
		for _, size := range []string{"1200,1400"} {
			c := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(), "--window-size="+size, "--virtual-time-budget=15000", "--enable-logging=stderr", "--screenshot=/tmp/shot-"+out+".png", s.URL+path)
			b, err := c.CombinedOutput()
			t.Logf("%s %v\n%s", out, err, b)
		}
	}
	c := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(), "--window-size=480,1100", "--force-dark-mode", "--blink-settings=preferredColorScheme=0", "--screenshot=/tmp/shot-dark.png", s.URL+"/")
	c.CombinedOutput()
}
