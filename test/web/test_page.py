# Copyright 2026 style_transfer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License.  You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on
# an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations under the License.
"""The page in a real browser: Chromium, with a real camera node, painting node and server behind it."""
from __future__ import annotations

import base64
import io
import json
import os
from pathlib import Path
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from sensor_msgs.msg import Image

from style_transfer_msgs.srv import ListStyles, SetStyle
from style_transfer_ros.engine.pictures import decode_picture, encode_jpeg, encode_png, read_picture
from style_transfer_ros.engine.stylizer import Stylizer
from style_transfer_ros.paths import bundled_styles
from style_transfer_ros.ros import messages

CHROMIUM, DRIVER = shutil.which('chromium') or shutil.which('google-chrome'), shutil.which('chromedriver')
pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no browser: 'sudo apt install chromium chromium-driver'"),
    pytest.mark.timeout(400)]
ROOT = Path(__file__).parents[2]
#: The browser's own messages about what these tests take away on purpose.
EXPECTED = re.compile(r'WebSocket connection .* failed|net::ERR_CONNECTION_REFUSED|net::ERR_EMPTY_RESPONSE'
                      r'|status of (4|5)\d\d')


def until(condition, what, seconds=90.0):
    """Wait for something true and return it; exceptions of a page that is just changing count as not yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if value := condition():
                return value
        except (StaleElementReferenceException, NoSuchElementException):
            pass
        assert time.monotonic() < deadline, f'not within {seconds} s: {what}'
        time.sleep(0.05)


class Robot:
    """Camera, painting node and server as processes, which a test may end and start again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.running, self.link = folder, {}, ''
        self.port = 0

    def start(self, module: str, *parameters: str) -> None:
        arguments = [part for parameter in parameters for part in ('-p', parameter)]
        self.running[module] = subprocess.Popen(
            [sys.executable, '-m', f'style_transfer_ros.ros.{module}', '--ros-args', *arguments], text=True,
            stdout=subprocess.PIPE if module == 'web_node' else None, env={**os.environ, 'XDG_DATA_HOME': str(
                self.folder)})

    def camera(self) -> None:
        self.start('camera_node', 'width:=320', 'height:=240', 'rate:=15.0')

    def painter(self) -> None:
        self.start('style_transfer_node', 'period:=0.0', 'smoothing:=0.0', 'jpeg_quality:=98',
                   f"style_directories:=['{self.folder}']")

    def page(self) -> None:
        self.start('web_node', f'port:={self.port}')
        self.link = re.search(r'http\S+', self.running['web_node'].stdout.readline())[0]
        self.port = int(re.search(r':(\d+)/', self.link)[1])

    def ask(self, action: str, **wish) -> dict:
        """Ask the page for something as another operator does."""
        origin, token = self.link.split('/#token=')
        request = urllib.request.Request(f'{origin}/do/{action}', json.dumps(wish).encode(), {
            'Authorization': f'Bearer {token}', 'Origin': origin})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def kill(self, module: str, how: int = signal.SIGKILL) -> None:
        process = self.running.pop(module)
        process.send_signal(how)
        process.wait(20)
        if process.stdout:
            process.stdout.close()


@pytest.fixture(scope='module')
def robot(tmp_path_factory):
    robot = Robot(tmp_path_factory.mktemp('robot'))
    robot.camera()
    robot.painter()
    robot.page()
    yield robot
    for module in list(robot.running):
        robot.kill(module, signal.SIGINT)


class Browser:
    """Chromium with a fake camera, and what tests ask of the page."""

    def __init__(self, folder: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for argument in ('headless', 'no-sandbox', 'disable-gpu', 'disable-quic', 'no-first-run', 'disable-sync',
                         'disable-background-networking', 'disable-component-update', 'disable-dev-shm-usage',
                         'use-fake-ui-for-media-stream', 'use-fake-device-for-media-stream',
                         'blink-settings=primaryHoverType=2,availableHoverTypes=2',      # a mouse
                         f'user-data-dir={folder}', 'force-color-profile=srgb', 'lang=en'):
            options.add_argument(f'--{argument}')
        options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
        self.driver.set_script_timeout(60)
        self.size(1440, 900)

    def size(self, width: int, height: int, dark: bool = False, phone: bool = False) -> None:
        cdp = self.driver.execute_cdp_cmd
        cdp('Emulation.setDeviceMetricsOverride', {
            'width': width, 'height': height, 'deviceScaleFactor': 2 if phone else 1, 'mobile': phone})
        cdp('Emulation.setTouchEmulationEnabled', {'enabled': phone})
        cdp('Emulation.setEmulatedMedia', {'features': [
            {'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'}]})

    def script(self, text: str, *arguments):
        return self.driver.execute_script(text, *arguments)

    def find(self, selector: str):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def open(self, link: str) -> None:
        """Open a link as a new visitor, and wait until the painting moves and the gallery is there."""
        self.forget()
        self.driver.get(link)
        self.wait_for_painting()
        until(lambda: len(self.names()) >= len(bundled_styles()), 'the gallery')

    def forget(self) -> None:
        """Leave the page and drop its cookie."""
        self.driver.get('about:blank')
        self.driver.execute_cdp_cmd('Network.clearBrowserCookies', {})

    def wait_for_painting(self) -> float:
        """Wait for a painting that was taken from now on; return its stamp, ms."""
        before = self.stamp() or 0
        return until(lambda: (self.stamp() or 0) > before and self.stamp(), 'a new painting is drawn')

    def settle(self) -> None:
        """Wait until all colours and places have reached their end."""
        until(lambda: self.script('return document.getAnimations().every(a => !(a instanceof CSSTransition))'),
              'transitions have ended')

    def stamp(self, canvas: str = 'painting') -> float | None:
        value = self.script('return document.getElementById(arguments[0]).dataset.stamp', canvas)
        return float(value) if value else None

    def canvas(self, canvas: str = 'painting') -> tuple:
        """Return the stamp, ms, and the pixels of a canvas."""
        stamp, data = self.script("""
            const canvas = document.getElementById(arguments[0]);
            return [canvas.dataset.stamp, canvas.toDataURL('image/png')];""", canvas)
        return float(stamp), decode_picture(base64.b64decode(data.partition(',')[2]))

    def names(self) -> list:
        return self.script("return [...document.querySelectorAll('#gallery li')].map(item => item.dataset.name)")

    def card(self, name: str):
        return self.find(f'#gallery li[data-name="{name}"] .card')

    def chosen(self) -> list:
        return self.script("return [...document.querySelectorAll('#gallery li')].filter(item => item.querySelector("
                           "'.card').ariaPressed === 'true').map(item => item.dataset.name)")

    def choose(self, name: str) -> None:
        self.click(f'#gallery li[data-name="{name}"] .card')
        until(lambda: self.chosen() == [name], f'{name} is painted')

    def click(self, selector: str) -> None:
        self.script("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", selector)
        self.find(selector).click()

    def tap(self, selector: str) -> None:
        """Touch the middle of an element, as a finger does."""
        x, y = self.script("""
            const element = document.querySelector(arguments[0]);
            element.scrollIntoView({block: 'center'});
            const {left, top, width, height} = element.getBoundingClientRect();
            return [left + width / 2, top + height / 2];""", selector)
        for kind, points in (('touchStart', [{'x': x, 'y': y}]), ('touchEnd', [])):
            self.driver.execute_cdp_cmd('Input.dispatchTouchEvent', {'type': kind, 'touchPoints': points})

    def tab(self, name: str) -> None:
        self.click(f'#tab-{name}')

    def toasts(self) -> str:
        return self.find('#toasts').text

    def facts(self) -> dict:
        return self.script("return Object.fromEntries([...document.querySelectorAll('#facts div')].map("
                           "fact => [...fact.children].map(part => part.textContent)))")

    def errors(self) -> list:
        """Return what the console complains of, since the last call."""
        return [entry['message'] for entry in self.driver.get_log('browser')
                if entry['level'] in ('SEVERE', 'WARNING') and not EXPECTED.search(entry['message'])]


@pytest.fixture(scope='module')
def chromium(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp('chromium'))
    yield browser
    browser.driver.quit()


@pytest.fixture
def browser(robot, chromium):
    """Give the page, opened by the operator's link; afterwards the console must be clean."""
    chromium.size(1440, 900)
    chromium.open(robot.link)
    chromium.driver.get_log('browser')
    yield chromium
    assert chromium.errors() == []


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255 ** 2 / np.mean((a.astype(float) - b.astype(float)) ** 2)))


def test_the_painted_canvas_is_the_engines_painting_of_that_frame(ros, browser):
    browser.choose('great_wave')
    frames = {}
    ros.node().create_subscription(Image, 'image_raw', lambda m: frames.update(
        {m.header.stamp.sec * 1000 + m.header.stamp.nanosec / 1e6: m}), 10)
    ros.wait_until(lambda: frames, 'the camera is seen', 30)

    def pair():
        browser.wait_for_painting()
        stamp, painted = browser.canvas()
        nearest = min(frames, key=lambda known: abs(known - stamp))
        return abs(nearest - stamp) < 0.01 and (frames[nearest], painted, stamp)
    message, painted, stamp = until(pair, 'a painting of a frame that was seen here')
    stylizer = Stylizer.load()
    frame = messages.to_rgb(message)
    expected = stylizer.paint(frame, stylizer.learn_style(read_picture(bundled_styles()['great_wave'])))
    assert psnr(painted, expected) > 30
    assert psnr(painted, frame) < 25, 'the camera is not the painting'
    # both sides of the divider show the same moment
    assert until(lambda: abs(browser.stamp('camera') - browser.stamp()) < 0.01, 'camera and painting of one stamp')


def test_the_divider_is_dragged_by_its_line_and_a_click_beside_it_moves_nothing(browser):
    pictures, divider = browser.find('#pictures'), browser.find('#divider')
    quarter, low = int(pictures.size['width'] / 4), int(pictures.size['height'] / 4)

    def grab(x):
        return ActionChains(browser.driver).move_to_element_with_offset(pictures, x, low).click_and_hold()
    grab(0).move_by_offset(quarter, 0).release().perform()
    moved = float(divider.get_property('value'))
    assert 65 < moved < 85
    line = browser.script("""
        const all = document.querySelector('#pictures').getBoundingClientRect();
        const line = document.querySelector('.knob').getBoundingClientRect();
        return ((line.left + line.right) / 2 - all.left) / all.width * 100;""")
    assert abs(line - moved) < 0.5, 'the line is where the slider is'
    grab(-quarter).release().perform()
    assert float(divider.get_property('value')) == moved


def test_a_click_chooses_a_style_and_next_and_shuffle_go_on(browser):
    browser.choose('poppies')
    assert browser.find('#title').text == 'Poppies'
    browser.click('#next')
    until(lambda: browser.chosen() == ['starry_night'], 'the next one')
    browser.script("document.getElementById('shuffle-seconds').value = 1")
    browser.click('#shuffle')
    until(lambda: browser.chosen() not in ([], ['starry_night']), 'another one')
    until(lambda: browser.find('#shuffle').get_attribute('aria-pressed') == 'true', 'shuffle is on')
    browser.click('#shuffle')
    until(lambda: browser.find('#shuffle').get_attribute('aria-pressed') == 'false', 'shuffle is off')


def test_sliders_mix_any_number_of_styles_live(browser):
    browser.choose('poppies')
    browser.tab('mix')
    for name, presses in (('great_wave', 100), ('summertime', 50)):
        browser.script("""
            const slider = document.getElementById(`mix-${arguments[0]}`);
            for (let value = 1; value <= arguments[1]; value++) {
              slider.value = value;
              slider.dispatchEvent(new Event('input'));
            }""", name, presses)
    until(lambda: browser.find('#title').text == '40 % Poppies + 40 % Great wave + 20 % Summertime'
          or browser.find('#title').text.count('%') == 3, 'three styles are mixed')
    browser.tab('styles')
    shares = until(lambda: browser.script(
        "return Object.fromEntries([...document.querySelectorAll('[data-share]')].map("
        "e => [e.closest('li').dataset.name, getComputedStyle(e, '::after').content]))"), 'the shares are told')
    assert shares == {'great_wave': '"40 %"', 'poppies': '"40 %"', 'summertime': '"20 %"'}
    browser.choose('poppies')


def test_an_uploaded_picture_is_learned_and_a_bad_one_is_refused_in_a_sentence(browser, tmp_path):
    picture, text = tmp_path / 'my sunset.png', tmp_path / 'notes.txt'
    picture.write_bytes(encode_png(np.random.default_rng(1).integers(0, 255, (300, 400, 3), np.uint8)))
    text.write_text('no picture')
    browser.find('#file').send_keys(str(picture))
    until(lambda: browser.chosen() == ['my sunset'], 'it is learned and painted')
    until(lambda: 'is learned' in browser.toasts(), 'the page says so')
    browser.find('#file').send_keys(str(text))
    until(lambda: 'The picture is no JPEG' in browser.toasts(), 'it is refused in a sentence')
    assert browser.chosen() == ['my sunset'], 'and painting goes on'


def test_a_phone_teaches_its_large_turned_photograph_and_a_heic_file_is_refused_clearly(browser, tmp_path):
    browser.size(390, 844, phone=True)
    photo, heic = tmp_path / 'IMG_0001.jpg', tmp_path / 'IMG_0002.HEIC'
    noise = np.random.default_rng(1).integers(0, 40, (3024, 4032, 3), np.uint8)
    jpeg = encode_jpeg(noise + np.linspace(0, 215, 4032, dtype=np.uint8)[:, None], 95)
    turned = b'Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0'
    photo.write_bytes(jpeg[:2] + b'\xff\xe1' + (len(turned) + 2).to_bytes(2, 'big') + turned + jpeg[2:])
    heic.write_bytes(b'\0\0\0\x18ftypheic\0\0\0\0mif1heic' + bytes(4_000_000))
    assert photo.stat().st_size > 3_000_000, 'it is shrunk before it travels'
    browser.find('#photo').send_keys(str(photo))
    until(lambda: browser.chosen() == ['IMG_0001'], 'it is learned and painted')
    width, height = until(lambda: browser.script("""
        const picture = document.querySelector('[data-name=IMG_0001] img');
        return picture.naturalWidth && [picture.naturalWidth, picture.naturalHeight];"""), 'its thumbnail')
    assert height > width, 'it stands upright'
    browser.find('#photo').send_keys(str(heic))
    until(lambda: 'The picture is an HEIC file' in browser.toasts(), 'it is refused in a sentence')
    assert browser.chosen() == ['IMG_0001'] and overflow(browser) == []


DROP = """
    const [kind, bytes, name] = arguments, data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(bytes), c => c.charCodeAt(0))], name, {type: 'image/jpeg'}));
    document.dispatchEvent(kind === 'paste' ? new ClipboardEvent('paste', {clipboardData: data, bubbles: true})
      : new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));"""


def drop(browser, name, kind='drop'):
    jpeg = encode_jpeg(read_picture(bundled_styles()['poppies']))
    browser.script(DROP, kind, base64.b64encode(jpeg).decode(), name)


@pytest.mark.parametrize('kind', ['drop', 'paste'])
def test_a_dropped_or_pasted_picture_is_learned(browser, kind):
    drop(browser, f'{kind}ped.jpg', kind)
    until(lambda: browser.chosen() == [f'{kind}ped'], 'it is learned and painted')


def test_a_snapshot_of_the_camera_is_learned(browser):
    before = set(browser.names())
    browser.click('#snapshot')
    until(lambda: set(browser.names()) - before, 'the snapshot is in the gallery')
    assert set(browser.names()) - before <= {'snapshot', 'snapshot 2'}


def test_a_name_with_a_percent_sign_spoils_no_gallery(ros, robot, browser):
    shutil.copy(bundled_styles()['poppies'], robot.folder / '50% wool.jpg')
    before = browser.names()
    answer = ros.call(ros.node(), SetStyle, 'style_transfer/set_style', SetStyle.Request(
        name='wool', uri='50% wool.jpg'), 30)
    assert answer.success and '%' in answer.style.source, answer.message
    until(lambda: sorted(browser.names()) == sorted([*before, 'wool']), 'all styles are there')
    assert len(browser.all('#mixer li')) == len(before) + 1
    assert browser.find('#gallery li[data-name=wool] small').text == '50% wool.jpg'


def test_a_style_is_renamed(browser):
    drop(browser, 'a.jpg')
    until(lambda: browser.chosen() == ['a'], 'it is learned')
    browser.click('li[data-name="a"] .edit button[aria-label^=Rename]')
    field = until(lambda: browser.find('#rename-to'), 'the dialog')
    field.clear()
    field.send_keys('Grüße <b>"x"</b>', Keys.ENTER)
    until(lambda: browser.chosen() == ['Grüße <b>"x"</b>'], 'it has the new name')
    assert browser.script("return document.querySelector('#gallery li b b')") is None, 'a name is text'


def test_a_removal_can_be_undone_and_else_is_final(ros, browser):
    for name in ('one', 'two'):
        drop(browser, f'{name}.jpg')
        until(lambda name=name: browser.chosen() == [name], 'it is learned')
    for name in ('two', 'one'):
        browser.click(f'li[data-name="{name}"] .edit button[aria-label^=Remove]')
        until(lambda name=name: name not in browser.names(), 'it is gone')
    undo = next(toast for toast in browser.all('.toast') if 'One” is removed' in toast.text)
    undo.find_element(By.TAG_NAME, 'button').click()
    until(lambda: 'one' in browser.names(), 'it is back')
    browser.script('location.reload()')
    user = ros.node()
    ros.wait_until(lambda: 'two' not in [style.name for style in ros.call(
        user, ListStyles, 'style_transfer/list_styles', ListStyles.Request(), 20).styles], 'the library loses it', 60)
    until(lambda: 'one' in browser.names() and 'two' not in browser.names(), 'what was not undone is removed')


def test_parameters_are_shown_and_set_live(ros, browser):
    from rcl_interfaces.srv import GetParameters
    browser.tab('adjust')
    slider = until(lambda: browser.find('#set-strength:enabled'), 'the parameters are known')
    assert slider.get_attribute('value') == '1'
    slider.send_keys(Keys.HOME, *[Keys.ARROW_RIGHT] * 5)
    browser.find('#set-preserve_color').click()
    user = ros.node()

    def values():
        return ros.call(user, GetParameters, 'style_transfer/get_parameters', GetParameters.Request(
            names=['strength', 'preserve_color']), 20).values
    ros.wait_until(lambda: abs(values()[0].double_value - 0.05) < 1e-6 and values()[1].bool_value, 'they are set', 20)
    assert 'rgb(' in browser.script("return getComputedStyle(document.getElementById('set-preserve_color')).color")
    browser.find('#set-preserve_color').click()
    slider.send_keys(Keys.END)
    ros.wait_until(lambda: values()[0].double_value == 1.0 and not values()[1].bool_value, 'and set back', 20)
    # what others set is shown, too
    from rcl_interfaces.srv import SetParameters
    from rclpy.parameter import Parameter
    # soon: the page leaves sliders alone that were moved just now
    for value, shown in ((0.25, '0.25'), (0.0, '0')):
        ros.call(user, SetParameters, 'style_transfer/set_parameters', SetParameters.Request(
            parameters=[Parameter('smoothing', value=value).to_parameter_msg()]), 20)
        until(lambda shown=shown: browser.find('#set-smoothing').get_attribute('value') == shown, 'it is shown')


def test_the_browsers_own_camera_is_painted_and_given_back(ros, robot, browser):
    browser.tab('adjust')
    browser.click('input[name=source][value=browser]')
    user = ros.node()
    until(lambda: user.count_publishers('page/image_raw/compressed') and browser.script(
        "return document.querySelector('[name=source][value=browser]').checked"), 'the browser is the source')
    # Chromium's fake camera is a green field with a clock; the scene has no such green

    def is_green():
        _, pixels = browser.canvas('camera')
        return pixels[..., 1].mean() > 1.3 * max(pixels[..., 0].mean(), pixels[..., 2].mean())
    until(is_green, "the camera's side shows the browser's camera")
    painted = browser.wait_for_painting()
    until(lambda: abs(browser.stamp('camera') - browser.stamp()) < 0.01 and browser.stamp() > painted,
          'and it is what is painted')
    browser.click('input[name=source][value=robot]')
    until(lambda: not is_green(), "the robot's camera is painted again", 60)
    assert browser.find('#robot-topic').text == '/image_raw'


def test_a_browsers_camera_ends_when_another_operator_turns_back_to_the_robots(robot, browser):
    browser.script("""
        window.tracks = [];
        const devices = navigator.mediaDevices, open = devices.getUserMedia.bind(devices);
        devices.getUserMedia = async wish => {
          const media = await open(wish);
          tracks.push(...media.getTracks());
          return media;
        };""")
    browser.tab('adjust')
    browser.click('input[name=source][value=browser]')
    until(lambda: browser.find('#flip').is_displayed(), 'its frames are sent')
    robot.ask('use_robot')
    until(lambda: browser.script("return tracks.length && tracks.every(track => track.readyState === 'ended')"),
          'the camera is off', 20)
    assert "robot's camera is painted again" in browser.toasts()
    assert robot.ask('use_browser')['success'], 'and another browser may give its own'
    assert robot.ask('use_robot')['success']


def recorded(browser) -> float:
    """Read the size of the recording, bytes, from its button."""
    size = re.search(r'([\d.]+) ([kM])B', browser.find('#record').text)
    return float(size[1]) * {'k': 1e3, 'M': 1e6}[size[2]] if size else 0.0


def test_a_recording_is_a_bag_that_others_read(browser, tmp_path):
    from mcap.reader import make_reader
    from mcap_ros2.decoder import DecoderFactory
    browser.wait_for_painting()
    browser.click('#record')
    begun = until(lambda: recorded(browser), 'the size of the recording is told')
    until(lambda: recorded(browser) > begun, 'and grows')
    browser.click('#record')
    browser.tab('adjust')
    link = until(lambda: browser.find('#recordings a'), 'it can be downloaded')
    data = browser.driver.execute_async_script("""
        const [url, done] = arguments;
        fetch(url).then(a => a.arrayBuffer()).then(b => done(btoa(Array.from(new Uint8Array(b),
          c => String.fromCharCode(c)).join(''))));""", link.get_attribute('href'))
    reader = make_reader(io.BytesIO(base64.b64decode(data)), decoder_factories=[DecoderFactory()])
    paintings = [found.decoded_message for found in reader.iter_decoded_messages('/stylized/image/compressed')]
    assert len(paintings) > 3 and decode_picture(bytes(paintings[0].data)).shape == (240, 320, 3)
    browser.click('#recordings button')
    until(lambda: not browser.all('#recordings a'), 'it is removed')


def test_the_painting_is_saved_as_png_in_full_size(browser):
    kind, data = browser.driver.execute_async_script("""
        const done = arguments[0];
        fetch('painting.png').then(async a => done([a.headers.get('Content-Type'), btoa(Array.from(new Uint8Array(
          await a.arrayBuffer()), c => String.fromCharCode(c)).join(''))]));""")
    assert kind == 'image/png' and decode_picture(base64.b64decode(data)).shape == (240, 320, 3)


def test_a_phone_saves_the_painting_and_downloads_a_recording_by_touch(browser, tmp_path):
    browser.size(390, 844, phone=True)
    browser.driver.execute_cdp_cmd('Browser.setDownloadBehavior', {'behavior': 'allow', 'downloadPath': str(tmp_path)})
    browser.wait_for_painting()
    browser.tap('#save')
    png = until(lambda: next(tmp_path.glob('*.png'), None), 'the painting is saved')
    assert decode_picture(png.read_bytes()).shape == (240, 320, 3)
    browser.tap('#record')
    until(lambda: 'Stop' in browser.find('#record').get_attribute('aria-label'), 'it records')
    begun = until(lambda: recorded(browser), 'the size of the recording is told')
    until(lambda: recorded(browser) > begun, 'and grows')
    browser.tap('#record')
    browser.tap('#tab-adjust')
    until(lambda: browser.all('#recordings a'), 'it can be downloaded')
    browser.tap('#recordings a')
    bag = until(lambda: next(tmp_path.glob('*.mcap'), None), 'it is downloaded')
    assert bag.read_bytes().startswith(b'\x89MCAP0\r\n') and overflow(browser) == []
    browser.tap('#recordings button')
    until(lambda: not browser.all('#recordings a'), 'it is removed')


def test_the_status_line_tells_state_rates_and_latency(browser):
    until(lambda: browser.find('#state').text == 'Painting', 'the state')
    facts = until(lambda: {'model', 'in', 'painted', 'here', 'camera to screen', 'viewers'} <= set(browser.facts())
                  and browser.facts(), 'the facts')
    assert float(facts['in'].removesuffix('/s')) > 3 and float(facts['here'].removesuffix('/s')) > 1
    assert 0 < int(facts['camera to screen'].removesuffix(' ms')) < 5000
    assert re.fullmatch(r'swift-\w+ in \w+', facts['model']) and facts['viewers'] == '1'


def test_a_slow_first_answer_of_the_clock_spoils_no_measurement_after_the_next_one(browser):
    until(lambda: 'ms' in browser.facts().get('camera to screen', ''), 'a measurement')
    before, slow, after = browser.driver.execute_async_script("""
        const done = arguments[0];
        Promise.all([import('./server.js'), import('./view.js')]).then(([{clockOffset, compareClocks}, {latency}]) => {
          const good = clockOffset(), before = latency(), now = performance.now();
          const answer = (trip, error) => compareClocks({sent: now - trip, now: (now + good - trip / 2 + error) * 1e6});
          for (let i = 0; i < 10; i++) answer(1000, 400);
          const slow = latency();
          answer(1, 0);
          done([before, slow, latency()].map(parseFloat));
        });""")
    assert abs(after - before) < 20 < abs(slow - before)


def test_a_viewers_link_shows_everything_and_offers_no_change(robot, browser):
    tokens = json.loads((robot.folder / 'style_transfer_ros/page/tokens.json').read_text())
    browser.open(f'{robot.link.partition("#")[0]}#token={tokens["viewer"]}')
    assert 'token' not in browser.driver.current_url
    until(lambda: browser.script('return document.body.dataset.role') == 'viewer', 'a viewer')
    assert not any(browser.find(f'#{name}').is_displayed() for name in (
        'next', 'shuffle', 'snapshot', 'record', 'share', 'tab-mix', 'tab-adjust', 'drop'))
    assert browser.all('.edit') == [] and not browser.card('poppies').is_enabled()
    status = browser.driver.execute_async_script(
        "fetch('do/next', {method: 'POST', body: '{}'}).then(a => arguments[0](a.status))")
    assert status == 403


def test_a_wrong_link_asks_for_the_right_one(robot, browser):
    browser.forget()
    browser.driver.get(f'{robot.link.partition("#")[0]}#token=wrong')
    field = until(lambda: browser.find('#locked[open] #link'), 'the page asks for its link')
    field.send_keys(robot.link, Keys.ENTER)
    browser.wait_for_painting()


def test_the_page_comes_back_by_itself_after_the_node_and_the_server_were_killed(ros, robot, browser):
    robot.kill('style_transfer_node')
    until(lambda: 'is not there' in browser.find('#veil').text, 'the page says that the node is gone')
    robot.painter()
    browser.wait_for_painting()
    until(lambda: browser.find('#veil').text == '', 'and that it is back')
    paintings = ros.listen(ros.node(), Image, 'stylized/image')
    robot.kill('web_node')
    while not paintings.empty():
        paintings.get_nowait()
    assert paintings.get(timeout=60), 'painting goes on without the page'
    until(lambda: 'Reconnecting' in browser.find('#state').text, 'the page says that the connection is lost')
    robot.page()
    browser.wait_for_painting()
    until(lambda: 'Painting' in browser.find('#state').text, 'it is there again')


def test_a_server_that_falls_silent_counts_as_lost_until_it_speaks_again(robot, browser):
    server = robot.running['web_node']
    server.send_signal(signal.SIGSTOP)
    try:
        until(lambda: 'Reconnecting' in browser.find('#state').text, 'the page says that the connection is lost', 10)
    finally:
        server.send_signal(signal.SIGCONT)
    browser.wait_for_painting()
    until(lambda: browser.find('#state').text == 'Painting', 'it is there again')
    until(lambda: browser.facts().get('viewers') == '1', 'as one viewer')


@pytest.mark.parametrize('with_link', [True, False])
def test_a_page_whose_first_request_is_lost_connects_as_soon_as_it_can(robot, browser, with_link):
    cdp = browser.driver.execute_cdp_cmd
    if with_link:
        browser.forget()
    cdp('Network.enable', {})
    cdp('Network.setBlockedURLs', {'urls': ['*/session']})
    try:
        browser.driver.get(robot.link if with_link else robot.link.partition('#')[0])
        if with_link:                       # with a cookie no other request is needed
            until(lambda: 'Reconnecting' in browser.find('#state').text, 'it tries again', 20)
        else:
            browser.wait_for_painting()
    finally:
        cdp('Network.setBlockedURLs', {'urls': []})
        cdp('Network.disable', {})
    browser.wait_for_painting()
    assert 'token' not in browser.driver.current_url and not browser.all('#locked[open]')


def overflow(browser) -> list:
    return browser.script("""
        const wide = document.documentElement.clientWidth;
        return document.documentElement.scrollWidth <= wide ? [] : [...document.querySelectorAll('body *')].filter(
          e => e.getBoundingClientRect().right > wide + 1).map(e => e.tagName + '#' + e.id + '.' + e.className);""")


@pytest.mark.parametrize('width, height, phone', [
    (390, 844, True), (320, 568, True), (844, 390, True), (768, 1024, True), (1440, 900, False), (3840, 2160, False)])
def test_nothing_is_cut_off_from_a_phone_to_4k(browser, width, height, phone):
    browser.size(width, height, phone=phone)
    browser.wait_for_painting()
    for name in ('styles', 'mix', 'adjust'):
        browser.tab(name)
        assert overflow(browser) == []
    small = browser.script("""
        return [...document.querySelectorAll('button, .segments label, .drop')].filter(e => e.offsetParent).map(e => {
          const box = e.getBoundingClientRect();
          return [e.id || e.className || e.ariaLabel, box.width, box.height];
        }).filter(([, w, h]) => w < 24 || h < 24);""")
    assert small == [], 'fingers need 24 pixels'
    box = browser.find('#pictures').rect
    assert box['width'] >= min(width, 300) * 0.5 and box['height'] > 120
    browser.script("scrollTo(0, 0); document.getElementById('links').showModal()")
    assert browser.script("return [...document.querySelectorAll('dialog[open], dialog[open] *')].filter("
                          "e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth).map(e => e.outerHTML)") == []


def test_on_a_phone_the_painting_stays_in_sight_while_styles_are_chosen_and_mixed(browser):
    browser.size(390, 844, phone=True)
    browser.wait_for_painting()
    for name in ('styles', 'mix', 'adjust'):
        browser.tab(name)
        browser.script('scrollTo(0, document.body.scrollHeight)')
        top, bottom, tabs = browser.script("""
            const place = name => document.querySelector(name).getBoundingClientRect();
            return [place('#pictures').top, place('#pictures').bottom, place('.tabs').top];""")
        assert abs(top) < 1 and abs(tabs - bottom) < 1, name
        browser.script('scrollTo(0, 0)')


def axe(browser, npm) -> list:
    """Return what axe-core finds, as rule and places."""
    browser.script((npm / 'axe-core' / 'axe.min.js').read_text(encoding='utf-8'))
    found = browser.driver.execute_async_script("""
        const done = arguments[0];
        axe.run(document, {resultTypes: ['violations']}).then(r => done(r.violations.map(
          v => [v.id, v.help, v.nodes.map(n => n.html.slice(0, 120) + ' ' + n.any.map(a => a.message).join())])));""")
    return found


@pytest.mark.parametrize('dark', [False, True])
def test_axe_finds_nothing_in_any_part_of_the_page(browser, npm, dark):
    browser.size(1440, 900, dark=dark)
    browser.choose('poppies')
    for name in ('styles', 'mix', 'adjust'):
        browser.tab(name)
        browser.settle()
        assert axe(browser, npm) == [], name
    for opened in ('#share', 'li[data-name=poppies] .edit button'):
        browser.tab('styles')
        browser.click(opened)
        until(lambda: browser.all('dialog[open]'), 'a dialog')
        browser.settle()
        assert axe(browser, npm) == [], opened
        browser.find('dialog[open]').send_keys(Keys.ESCAPE)


def test_the_keyboard_alone_is_enough(browser):
    def press(*keys):
        ActionChains(browser.driver).send_keys(*keys).perform()

    def focused():
        return browser.script("const e = document.activeElement; return e.id || e.closest('li')?.dataset.name")

    def tab_to(goal, most=60):
        for _ in range(most):
            if focused() == goal:
                outlines = browser.script("""
                    const e = document.activeElement, near = [
                      [e], [e.closest('label')], [e.firstElementChild], [e.nextElementSibling, '::after']];
                    return near.map(([x, part]) => x ? getComputedStyle(x, part).outlineStyle : 'none');""")
                assert set(outlines) != {'none'}, 'the focus is seen'
                return
            press(Keys.TAB)
        raise AssertionError(f'{goal} is not reached')
    browser.script('document.activeElement.blur()')
    tab_to('divider')
    press(Keys.HOME)
    assert browser.find('#divider').get_property('value') == '0'
    press(Keys.ARROW_RIGHT, Keys.PAGE_UP)
    assert browser.find('#divider').get_property('value') == '11'
    tab_to('next')
    before = browser.chosen()
    press(Keys.ENTER)
    until(lambda: browser.chosen() != before, 'the next style')
    tab_to('tab-styles')
    press(Keys.ARROW_RIGHT)
    assert browser.find('#mix').is_displayed() and focused() == 'tab-mix'
    press(Keys.ARROW_LEFT)
    tab_to('cafe_terrace')
    press(Keys.ARROW_RIGHT)
    assert focused() == 'composition_viii'
    press(Keys.ENTER)
    until(lambda: browser.chosen() == ['composition_viii'], 'it is chosen')
    assert focused() == 'composition_viii', 'and keeps the focus'


def test_a_page_that_is_hidden_or_shows_the_painting_alone_asks_for_no_more(ros, browser):
    user = ros.node()
    ros.wait_until(lambda: user.count_subscribers('image_raw/compressed') == 1, 'the camera is watched', 30)
    browser.click('.segments label:has([value=painting])')
    ros.wait_until(lambda: user.count_subscribers('image_raw/compressed') == 0, 'the camera is not watched', 30)
    browser.wait_for_painting()
    browser.driver.switch_to.new_window('tab')
    ros.wait_until(lambda: user.count_subscribers('stylized/image/compressed') == 0, 'nothing is watched', 30)
    browser.driver.close()
    browser.driver.switch_to.window(browser.driver.window_handles[0])
    browser.wait_for_painting()


def test_screenshots_for_the_documentation(robot, browser, tmp_path):
    """Kept in docs/ when PAGE_SCREENSHOTS is set; the pictures are looked at by people."""
    robot.kill('camera_node', signal.SIGINT)
    robot.start('camera_node', 'rate:=15.0')
    folder = ROOT / 'docs' if os.environ.get('PAGE_SCREENSHOTS') else tmp_path
    for name in set(browser.names()) - set(bundled_styles()):
        browser.driver.execute_async_script("""
            fetch('do/remove', {method: 'POST', body: JSON.stringify({name: arguments[0]})}).then(arguments[1]);""",
                                            name)
    browser.choose('great_wave')
    for name, width, height, dark, phone in (
            ('page_light', 1440, 900, False, False), ('page_dark', 1440, 900, True, False),
            ('page_phone', 390, 844, False, True)):
        browser.size(width, height, dark, phone)
        browser.script('document.activeElement.blur(); scrollTo(0, 0)')
        until(lambda: browser.canvas()[1].shape == (480, 640, 3), 'the larger camera')
        until(lambda: not browser.all('.toast'), 'nothing covers the page', 15)
        browser.settle()
        for _ in range(3):      # those that were under way in another style, size or colour
            browser.wait_for_painting()
        picture = decode_picture(browser.driver.get_screenshot_as_png())
        (folder / f'{name}.jpg').write_bytes(encode_jpeg(picture, 82))
        assert picture.std() > 20
