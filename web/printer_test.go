package web_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/grovecloud/grove/printfile/sample"
)

// The demo's printers: one prints, one is idle, one has something on its plate.
const (
	printing = "/printers/00M00D000000001"
	idle     = "/printers/01P00D000000002"
)

func TestAPrinterIsWatchedAndControlled(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.click("Workshop X1 Carbon")
	v.sees("Overview", "benchy", "Layer", "Target 220 °C", "Part fan")
	until(t, "there is a picture of the camera", func() bool { return js[bool](v, `document.querySelector(".sight img")?.naturalWidth > 0`) })
	v.dressed("printer")

	v.fill("Target of Nozzle in °C", "230")
	v.click("Set")
	v.sees("Nozzle to 230 °C done", "Target 230 °C", "Copy as curl")
	v.click("Chamber light")
	v.sees("Light off done")
	v.click("Sport")
	v.sees("Speed Sport done")
	if !js[bool](v, find+`("Sport").getAttribute("aria-pressed") === "true"`) {
		t.Error("the speed that the printer reports is not the one that is shown")
	}
	v.do(chromedp.EmulateViewport(390, 844))
	bottom := js[float64](v, find+`("Stop").getBoundingClientRect().bottom`)
	if bottom > 844 {
		t.Errorf("on a phone Stop ends at %v of 844 pixels", bottom)
	}
	v.do(chromedp.EmulateViewport(1280, 900))
	v.click("Pause")
	v.sees("Paused", "Pause done")
	v.click("Resume")
	v.sees("Resume done", "Printing")
	v.click("Stop")
	v.sees("Stop the print on Workshop X1 Carbon?")
	v.click("Keep printing")
	v.click("Stop")
	v.click("Stop the print")
	v.sees("Stop done")

	v.key("2")
	v.sees("Watch live")
	until(t, "there is a picture", func() bool { return js[bool](v, `!!document.querySelector(".camera.large img")`) })
	v.click("Rotate")
	if turned := js[string](v, `document.querySelector(".camera img").style.transform`); !strings.Contains(turned, "rotate(90deg)") {
		t.Errorf("the camera is turned by %q", turned)
	}
	v.click("Watch live")
	until(t, "the film runs", func() bool {
		return js[bool](v, `!!document.querySelector(".camera.large img")?.src.includes("stream")`)
	})
	v.click("End live pictures")
	v.click("Rotate")
	v.click("Rotate")
	v.click("Rotate")
	until(t, "the switch stands as the printer says", func() bool {
		return js[bool](v, `!!`+find+`("Timelapse")`)
	})
	v.dressed("printer-camera")
}

func TestTemperaturesAreDrawn(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Bench P1S")
	v.open(printing + "/temperatures")
	v.sees("Temperatures over time", "Nozzle target", "Show as a table")
	until(t, "the chart is drawn", func() bool { return js[bool](v, `!!document.querySelector(".chart canvas")`) })
	v.click("Show as a table")
	v.sees("Bed target")
	if n := js[int](v, `document.querySelectorAll(".figures-table tbody tr").length`); n < 2 {
		t.Errorf("the table has %d rows", n)
	}
	v.click("Show as a table")
	v.dressed("printer-temperatures")
	until(t, "the chart lies still", func() bool {
		return js[bool](v, `document.querySelector(".chart .u-over")?.getBoundingClientRect().width > 700`)
	})
	js[bool](v, `(document.querySelector(".chart").scrollIntoView({ block: "center" }), true)`)
	box := js[[]float64](v, `(b => [b.left, b.top, b.width, b.height])(document.querySelector(".chart .u-over").getBoundingClientRect())`)
	y := box[1] + box[3]/2
	v.do(
		chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, box[0]+box[2]*.5, y, chromedp.ButtonLeft),
		chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, box[0]+box[2]*.7, y, chromedp.ButtonLeft),
		chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, box[0]+box[2]*.7, y, chromedp.ButtonLeft),
	)
	v.click("Show all")
	const shown = `[...document.querySelectorAll(".graph button")].filter((b) => !b.disabled).map((b) => b.textContent).join()`
	v.waits("all is shown again", func(string) bool { return !strings.Contains(js[string](v, shown), "Show all") })
	v.click("Closer") // for who can't drag
	v.click("Earlier")
	v.click("Wider")
	v.waits("nothing is left to widen", func(string) bool { return !strings.Contains(js[string](v, shown), "Wider") })
	const legend = `document.querySelector(".legend").innerText`
	if text := js[string](v, legend); !strings.Contains(text, "Chamber") {
		t.Errorf("the X1 Carbon measures its chamber, and the legend has %q", text)
	}
	v.click("7 days")
	until(t, "the address names the range", func() bool { return js[string](v, `location.search`) == "?range=7d" })
	until(t, "a week is drawn", func() bool { return js[bool](v, `!!document.querySelector(".chart canvas")`) })
	v.open(idle + "/temperatures")
	v.sees("Temperatures over time")
	until(t, "the legend has figures", func() bool {
		return strings.Contains(js[string](v, `document.querySelector(".legend")?.innerText ?? ""`), "Bed")
	})
	if text := js[string](v, legend); strings.Contains(text, "Chamber") {
		t.Errorf("the P1S has no sensor there, and the legend has %q", text)
	}
	v.open(idle + "/health")
	v.sees("0.4 mm stainless steel")
}

func TestWhatAPrinterHoldsIsTold(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Bench P1S")
	v.open(idle + "/filament")
	v.sees("AMS A", "Humidity", "Slot 4")
	v.dressed("printer-filament")
	v.click("Slot 2: what to do")
	v.click("Say what it holds")
	until(t, "kinds can be chosen", func() bool { return js[bool](v, `!!document.querySelector("option[value='GFB99|ABS']")`) })
	v.fill("Kind", "GFB99|ABS")
	v.fill("Colour", "#00ae42")
	v.click("Set")
	v.sees("Say what it holds done", "ABS", "#00AE42")
	v.click("Slot 2: what to do")
	v.click("Load")
	v.sees("the nozzle heats to 260 °C")
	v.click("Load")
	v.sees("Load done", "in use")

	v.open(idle)
	v.click("PETG")
	v.sees("Target 245 °C", "Target 75 °C", "Heat without a print is switched off at")
	v.click("Cool down")
	v.waits("it is cold again", func(text string) bool {
		return !strings.Contains(text, "Target 245 °C") && !strings.Contains(text, "Target 75 °C")
	})

	v.open(idle + "/health")
	v.sees("All is well", "It dials in by itself", "P1S", "modules")
	v.dressed("printer-health")
	if strings.Contains(v.text(), "Test the connection") {
		t.Error("a printer that dials in can be tried")
	}
	v.click("Show")
	until(t, "the access code is shown", func() bool {
		return js[bool](v, `[...document.querySelectorAll("dd code")].some(e => /^[a-z0-9]{8}$/.test(e.textContent))`)
	})

	v.open(idle + "/details")
	v.sees(`"gcode_state": "IDLE"`, "Lines to send")
	v.dressed("printer-details")
	v.fill("Lines to send", "M104 S400")
	v.click("Send G-code")
	v.sees("Is somebody beside the printer?")
	v.excuse("400 (Bad Request)")
	v.click("Send G-code")
	v.sees("refused", "0 to 300 °C")
	v.fill("Lines to send", "M105")
	v.click("Send G-code")
	v.sees("Is somebody beside the printer?")
	v.click("Send G-code")
	v.sees("G-code accepted by the printer")

	v.click("More about this printer")
	v.click("Name and tags")
	v.fill("Name", "Bench by the window")
	v.fill("Tags", "hall, PETG")
	v.dressed("printer-rename")
	v.click("Save")
	v.sees("Bench by the window", "hall", "PETG")
	v.open("/printers/NOBODYS")
	v.excuse("404 (Not Found)")
	v.sees("There is no such printer")
}

func TestAPrinterIsShared(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Bench P1S")
	for i, name := range []string{"ann", "bob"} {
		made := js[string](v, fmt.Sprintf(`(async () => {
  const ask = async (path, body) => (await (await fetch("/v1/grove-service" + path, { method: "POST", headers: { "Content-Type": "application/json", "Idempotency-Key": %[2]q + path }, body: JSON.stringify(body) })).json());
  const invited = await ask("/invitations", { email: "%[1]s@grove.local", role: "operator", password: %[3]q });
  const taken = await ask("/invitations/accept", { token: invited.data.token, password: %[4]q, name: "%[1]s" });
  return taken.message;
})()`, name, strconv.Itoa(i), demoPassword, password))
		if !strings.EqualFold(made, "success") {
			t.Fatalf("an account for %s: %s", name, made)
		}
	}

	v.open(idle + "/share")
	v.sees("You alone see this printer.")
	v.click("Share this printer")
	v.fill("E-mail address", "ann@grove.local")
	v.click("May print, stop and heat")
	v.dressed("printer-share-make")
	v.click("Share")
	v.sees("ann@grove.local", "May print, stop and heat", "no end")
	v.click("Share this printer")
	v.fill("Ends on", "2099-12-31")
	v.click("Share")
	v.sees("The printer waits for its guest", "It is shown this once")
	link := v.taken("Link")
	v.click("I have kept it")
	v.sees("By link, not accepted yet", "2099")
	v.dressed("printer-share")

	ann := visit(t, c.base)
	ann.signIn("ann@grove.local", password)
	ann.click("Bench P1S")
	ann.sees("Shared with you: you may print, stop and heat.", "Preheat for")
	if strings.Contains(ann.text(), "Sharing") {
		t.Error("a guest is offered to share")
	}

	bob := visit(t, c.base)
	bob.signIn("bob@grove.local", password)
	bob.sees("No printers yet")
	bob.open(strings.TrimPrefix(link, c.base))
	bob.sees("A printer is shared with you")
	bob.click("Accept")
	bob.sees("Bench P1S", "Shared with you: you may look.")
	if strings.Contains(bob.text(), "Preheat for") {
		t.Error("a viewer is offered to heat")
	}

	v.open(idle + "/share")
	v.sees("bob@grove.local")
	for left := 1; left >= 0; left-- {
		v.click("End")
		v.sees("the printer is gone from their view at once")
		v.click("End")
		until(t, "the share is over", func() bool { return js[int](v, `document.querySelectorAll(".entries > li").length`) == left })
	}
	v.sees("You alone see this printer.")
	ann.sees("Bench P1S is no longer here for you")
}

// stand lets a simulated printer stand on the network until the test or end ends it,
// with the key that is kept in a directory; at ports of its own, or at given ones.
func (c *cloud) stand(keys string, args ...string) (csv string, end func()) {
	c.t.Helper()
	csv = filepath.Join(c.t.TempDir(), "printers.csv")
	cmd := c.command(append([]string{
		"sim", "--lan", "--model", "H2D", "--serial", "09400A000000001", "--access-code", "12345678", "--no-announce", "--state", keys, "--csv", csv,
		"--bind-port", "0", "--bind-tls-port", "0", "--fault", `hms=["0300_0100_0003_0001"]`,
	}, args...)...)
	cmd.Stdout, cmd.Stderr = io.Discard, c.log
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	end = sync.OnceFunc(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	c.t.Cleanup(end)
	until(c.t, "the printer stands", func() bool {
		raw, err := os.ReadFile(csv)
		return err == nil && strings.Count(string(raw), "\n") == 2
	})
	return csv, end
}

// loginDemo signs the command line in to the demo.
func (c *cloud) loginDemo() {
	c.t.Helper()
	cmd := c.command("login", demoEmail)
	cmd.Env = append(cmd.Env, "GROVE_PASSWORD="+demoPassword)
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("%v: %s", err, out)
	}
}

// A printer on the network is tried step by step, shows its storage, and is kept from
// whoever answers with another key in its place.
func TestAPrinterOnTheNetwork(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo", "--limits", "off")
	c.loginDemo()
	csv, end := c.stand(t.TempDir(), "--mqtts-port", "0", "--ftps-port", "0", "--rtsps-port", "0")
	c.run("printers", "add", "--csv", csv)
	raw, err := os.ReadFile(csv)
	if err != nil {
		t.Fatal(err)
	}
	row := strings.Split(strings.Split(string(raw), "\n")[1], ",") // serial, host, code, name, model, MQTT, FTPS, camera, RTSPS
	const at = "/printers/09400A000000001"
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Bench P1S")
	v.open(at + "/health")
	v.sees("Notice", "HMS_0300_0100_0003_0001", "127.0.0.1")
	v.click("Test the connection")
	v.sees("Speaks encrypted well", "Access code well", "Card or stick")
	v.dressed("printer-network")

	v.open(at)
	v.sees("Right", "Left", "0.4 mm", "Chamber")
	cube := filepath.Join(t.TempDir(), "cube.gcode.3mf")
	if err := os.WriteFile(cube, sample.ThreeMF(sample.Model("O1D"), sample.Layers(50), sample.Seconds(3600)), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run("plate-clear", "09400A000000001")
	c.run("print", cube, "--on", "09400A000000001")
	v.sees("Job ", "Estimated at 1 h.", "Heating the bed")
	until(t, "the plate has a picture", func() bool { return js[bool](v, `document.querySelector(".now .cover img")?.naturalWidth > 0`) })
	v.dressed("printer-two-nozzles")
	v.open(at + "/storage")
	v.sees("timelapse", "cache")
	v.click("cache")
	v.sees("cube", "Download")
	if link := js[string](v, find+`("Download").href`); !strings.Contains(link, "/files/content?path=%2Fcache%2F") {
		t.Errorf("a file in the cache is downloaded from %s", link)
	}
	v.dressed("printer-storage")
	v.click("Stop")
	v.click("Stop the print")
	v.sees("Stop done", "Cancelled")
	name := js[string](v, `document.querySelector("tbody button.danger").ariaLabel`) // it rests, so that files may go
	v.click(name)
	v.sees("for good")
	v.picture("printer-storage-delete")
	v.click("Delete")
	v.sees("is deleted")
	v.waits("the file is gone", func(string) bool { return !v.offered(name) })

	v.click("More about this printer")
	v.click("Address")
	v.sees("It is tried before it is kept.")
	v.excuse("400 (Bad Request)", "409 (Conflict)", "503 (Service Unavailable)", "403 (Forbidden)")
	v.fill("Address", "127.0.0.2")
	v.dressed("printer-address")
	v.click("Cancel")

	end()
	v.excuse("404 (Not Found)") // the camera was on its way
	v.open(at)
	v.sees("Offline")
	c.stand(t.TempDir(), "--mqtts-port", row[5], "--ftps-port", row[6], "--rtsps-port", row[8], "--fault", "signature_required")
	v.sees("Quarantine: another key answers", "Key that answers now")
	keys := js[[]string](v, `[...document.querySelectorAll(".keys code")].map(e => e.textContent.replaceAll(" ", ""))`)
	if len(keys) != 2 || keys[0] == keys[1] || len(keys[0]) != 64 || len(keys[1]) != 64 {
		t.Errorf("the keys are %q", keys)
	}
	v.dressed("printer-quarantine")
	v.click("Pair anew")
	v.sees("Make sure that it is your printer")
	v.click("Pair anew")
	v.waits("it is the printer again", func(text string) bool {
		return !strings.Contains(text, "Quarantine") && !strings.Contains(text, "Offline")
	})

	v.sees("This printer can be watched, not controlled")
	v.dressed("printer-developer")
	v.click("What to do")
	v.sees("switch LAN Only on", "New access code")
	v.click("Close")
	until(t, "it is taken for read", func() bool {
		return js[bool](v, `(b => !b || (b.querySelector("[aria-label=Close]").click(), false))(document.querySelector(".one > .banner.warn"))`)
	})
	v.open(at + "/health")
	v.sees("Off: it can be watched and not controlled")
	if strings.Contains(v.text(), "This printer can be watched, not controlled") {
		t.Error("what was read is told again")
	}

	v.click("More about this printer")
	v.click("Remove this printer")
	v.sees("What it printed stays in your history.")
	v.click("Remove this printer")
	v.waits("it is gone", func(text string) bool {
		return strings.Contains(text, "Bench P1S") && !strings.Contains(text, "09400A") && !strings.Contains(text, "H2D")
	})
}

func TestTheWallShowsAllAndStaysAwake(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo", "--limits", "off")
	c.loginDemo()
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Bench P1S")
	js[bool](v, `(window.asked = 0, navigator.wakeLock && (navigator.wakeLock.request = async () => (window.asked++, { release() {} })), true)`)
	v.click("View")
	v.click("Wall view for a screen")
	v.sees("All printers", "1 of 3 printing", "1 printer needs a hand", "is the plate empty?")
	if js[bool](v, `!!document.querySelector("nav")`) {
		t.Error("the wall has a navigation")
	}
	if n := js[int](v, `window.asked`); n != 1 {
		t.Errorf("the screen was asked %d times to stay on", n)
	}
	until(t, "the cameras are seen", func() bool { return js[int](v, `document.querySelectorAll(".tile img").length`) == 3 })
	v.dressed("wall")
	c.background("sim", "--printers", "40")
	v.waits("many printers take turns", func(text string) bool {
		return strings.Contains(text, "Page 1 of") && strings.Contains(text, "of 43 printing")
	})
	v.picture("wall-many")
	if over := js[int](v, `document.documentElement.scrollHeight - innerHeight`); over > 0 {
		t.Errorf("the wall is %d pixels too high", over)
	}
	v.sees("Page 2 of")
}
