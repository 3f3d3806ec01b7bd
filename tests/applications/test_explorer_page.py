"""The explorer's page in a real browser: keys, clicks, reloads, themes, phones, and who may ask."""

import re
import time
import urllib.error
import urllib.request

import pytest

from benchmarks import explorer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(explorer.missing()), reason=explorer.missing() or "a browser is there"),
]
PATIENCE = 60.0


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    model, data = explorer.write_pendulum(tmp_path_factory.mktemp("pendulum"), epochs=2)
    with explorer.served(model, data, "--coloring=cyclic") as found:
        yield found


@pytest.fixture(scope="module")
def driver():
    with explorer.browser() as one:
        yield one


@pytest.fixture
def page(driver, address):
    driver.execute_cdp_cmd("Page.navigate", {"url": "about:blank"})
    driver.get(address)
    until(lambda: picture(driver).startswith("data:image/png"))
    until(lambda: driver.find_elements("css selector", ".plane .here"))
    return driver


def until(condition):
    """Waits until a condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "the page did not get there"
        time.sleep(0.05)


def picture(page, name="decoded"):
    source = f"return (document.querySelector('[data-picture={name}]') || {{}}).src || ''"
    return page.execute_script(source)


# One script reads each number: an element found first may be redrawn before it is read.
def value(page, axis=0):
    source = "return (document.querySelectorAll('.axis .value')[arguments[0]] || {}).innerText"
    return float((page.execute_script(source, axis) or "nan").replace("−", "-"))


def mark(page):
    ring = "const ring = document.querySelector('.plane .here');"
    source = f"{ring} return ring ? ['cx', 'cy'].map(name => +ring.getAttribute(name)) : [NaN, NaN]"
    return tuple(page.execute_script(source))


def caption(page):
    source = "return (document.querySelector('figure:nth-child(2) figcaption') || {}).innerText"
    return page.execute_script(source) or ""


def press(page, key, times=1):
    from selenium.webdriver import ActionChains

    ActionChains(page).send_keys(key * times).perform()


def click_map(page, x, y):
    """Clicks a place in units of the map, 640 wide."""
    from selenium.webdriver import ActionChains

    plane = page.find_element("css selector", ".plane")
    page.execute_script("arguments[0].scrollIntoView({block: 'center'})", plane)
    size = plane.size
    at = [round((one / 640 - 0.5) * size[side]) for one, side in ((x, "width"), (y, "height"))]
    ActionChains(page).move_to_element_with_offset(plane, *at).click().perform()


def test_a_slider_moves_by_keys_and_the_picture_follows(page):
    from selenium.webdriver import Keys

    before, number, place = picture(page), value(page), mark(page)
    page.execute_script("document.querySelector('[data-axis] [tabindex]').focus()")
    press(page, Keys.ARROW_RIGHT, 12)
    until(lambda: value(page) > number + 0.05)
    until(lambda: picture(page) != before)
    until(lambda: mark(page)[0] > place[0])
    press(page, Keys.ARROW_LEFT, 12)
    until(lambda: value(page) == pytest.approx(number, abs=0.2))


def test_a_click_on_a_point_goes_to_it_and_a_reload_stays_there(page):
    dots = page.find_elements("css selector", ".plane .dots:not(.of-prior)")
    x, y = (int(one) / 10 for one in re.match(r"M(\d+) (\d+)", dots[5].get_attribute("d")).groups())
    click_map(page, x, y)
    until(lambda: picture(page, "example").startswith("data:image/png"))
    until(lambda: abs(mark(page)[0] - x) < 16 and abs(mark(page)[1] - y) < 16)
    until(lambda: re.match(r"example \d+, label \d", caption(page)))
    chosen = caption(page)
    decoded, numbers = picture(page), (value(page, 0), value(page, 1))
    page.refresh()
    until(lambda: picture(page) == decoded)
    until(lambda: (value(page, 0), value(page, 1)) == numbers)
    until(lambda: caption(page) == chosen)


def test_arrow_keys_move_the_point_on_the_map(page):
    from selenium.webdriver import Keys

    page.execute_script("document.querySelector('.plane').focus()")
    x, y = mark(page)
    press(page, Keys.ARROW_UP)
    until(lambda: mark(page)[1] == pytest.approx(y - 8, abs=0.2))
    press(page, Keys.ARROW_RIGHT)
    until(lambda: mark(page)[0] == pytest.approx(x + 8, abs=0.2))


def test_neighbours_and_samples_are_places_to_go_to(page):
    until(lambda: len(page.find_elements("css selector", ".near-panel .tile img")) == 8)
    page.find_elements("css selector", ".near-panel .tile")[3].click()
    until(lambda: picture(page, "example").startswith("data:"))
    until(lambda: page.find_element("css selector", ".near-panel .note").text.endswith("· 0"))
    sample = page.find_elements("css selector", ".samples .tile")[2]
    shown = sample.find_element("css selector", "img").get_attribute("src")
    page.execute_script("arguments[0].click()", sample)
    until(lambda: picture(page) == shown)


def test_principal_axes_and_contours(page):
    until(lambda: page.find_elements("css selector", ".plane .contour"))
    page.find_element("xpath", "//button[contains(., 'principal axes')]").click()
    until(lambda: "axis 0" in page.find_element("css selector", ".axis .name").text)
    before = picture(page)
    from selenium.webdriver import Keys

    page.execute_script("document.querySelector('[data-axis] [tabindex]').focus()")
    press(page, Keys.ARROW_RIGHT, 12)
    until(lambda: picture(page) != before)


def test_dark_and_light(page):
    def background():
        return page.execute_script("return getComputedStyle(document.body).backgroundColor")

    def choose(theme):
        page.find_element("xpath", f"//header//button[contains(., '{theme}')]").click()

    choose("dark")
    until(lambda: background() == "rgb(20, 22, 26)")
    choose("light")
    until(lambda: background() == "rgb(246, 246, 244)")
    choose("auto")


def test_a_phone_s_page_is_not_wider_than_the_phone(address):
    with explorer.browser(390, 844, dark=True) as phone:
        phone.get(address)
        until(lambda: picture(phone).startswith("data:"))
        until(lambda: phone.find_elements("css selector", ".near-panel .tile img"))
        assert phone.execute_script("return document.documentElement.scrollWidth") <= 390
        assert phone.execute_script("return document.body.classList.contains('body--dark')")


def test_all_comes_from_this_computer_and_the_console_has_no_errors(page):
    page.refresh()
    until(lambda: picture(page).startswith("data:"))
    asked = page.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
    assert asked and all(one.startswith(("http://127.0.0.1", "data:")) for one in asked), asked
    severe = [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"]
    assert not severe


def test_requests_in_another_host_s_name_are_refused(address):
    asked = urllib.request.Request(address, headers={"Host": "elsewhere.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked)
    assert refused.value.code == 400
