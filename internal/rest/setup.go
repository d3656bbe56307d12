package rest

import (
	"html/template"
	"maps"
	"net/http"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/access"
)

// setupPage is what the page of the first account shows, and what its form brings back.
type setupPage struct {
	speech

	Error, Code, Email, Name string

	Unfit bool // the password is what was wrong
	Least int  // characters of a password
}

type setupForm struct {
	*Router

	page *template.Template
}

func (rt *Router) mountSetup() {
	f := setupForm{rt, template.Must(template.ParseFS(static, "assets/setup.html", "assets/languages.html"))}
	rt.draw("/setup", f.show)
	rt.mount(Route{Method: http.MethodPost, Path: "/setup", Open: true, Page: true, SignsIn: true, Streams: true, Unkeyed: UnkeyedPage}, http.HandlerFunc(f.take))
}

func (f setupForm) show(w http.ResponseWriter, r *http.Request) {
	first, err := f.Access.NeedsSetup(r.Context())
	switch {
	case err != nil:
		f.fail(w, r, err)
	case !first:
		http.Redirect(w, r, "/", http.StatusSeeOther)
	default:
		remember(w, r)
		f.render(w, http.StatusOK, setupPage{speech: speak(r), Code: r.URL.Query().Get("code")})
	}
}

func (f setupForm) render(w http.ResponseWriter, status int, p setupPage) {
	formHeaders(w)
	p.Least = f.Access.MinPassword()
	w.WriteHeader(status)
	if err := f.page.Execute(w, p); err != nil {
		panic(err)
	}
}

func (f setupForm) take(w http.ResponseWriter, r *http.Request) {
	if err := readForm(w, r); err != nil {
		f.fail(w, r, err)
		return
	}
	p := setupPage{speech: speak(r), Code: r.PostForm.Get("code"), Email: r.PostForm.Get("email"), Name: r.PostForm.Get("name")}
	if err := f.begin(r, p, grove.Secret(r.PostForm.Get("password"))); err != nil {
		told := failed(r.Context(), err)
		maps.Copy(w.Header(), told.header)
		p.Error, p.Unfit = p.why(told), told.Details.Fields["password"] != ""
		f.render(w, told.status, p)
		return
	}
	http.Redirect(w, r, "/welcome", http.StatusSeeOther)
}

// begin makes the account and signs its owner in.
func (f setupForm) begin(r *http.Request, p setupPage, password grove.Secret) error {
	ctx := r.Context()
	if err := CountLogin(ctx, "setup"); err != nil {
		return err
	}
	u, err := f.Access.Setup(ctx, p.Code, p.Email, password, p.Name)
	if err != nil {
		return err
	}
	t, err := f.Access.Login(ctx, access.Credentials{Account: u.Email, Password: password, Client: r.UserAgent(), Remote: Remote(ctx).String()})
	if err != nil {
		return err
	}
	_, err = f.SignInBrowser(ctx, t)
	return err
}

// readForm reads a page's form within bounds of size and time.
func readForm(w http.ResponseWriter, r *http.Request) error {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWithin)) // where there is a line
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return grove.Errorf(grove.Invalid, "form_unread", "the form did not arrive whole; go back and send it again")
	}
	return nil
}
