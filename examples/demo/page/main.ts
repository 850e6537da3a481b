import { startBench } from "./bench.ts";
import { startBoard } from "./board.ts";
import { startChat } from "./chat.ts";
import { startConnection } from "./connection.ts";
import { element } from "./element.ts";
import { startDrawing } from "./drawing.ts";
import { startFailures } from "./failures.ts";
import { startFigures } from "./figures.ts";
import { startInbox } from "./inbox.ts";
import { startMe } from "./me.ts";
import { startNodes } from "./nodes.ts";
import { startPeople } from "./people.ts";
import { startRace } from "./race.ts";
import { startScores } from "./scores.ts";
import { showAirports, startSky } from "./sky.ts";
import { startTower } from "./tower.ts";
import { startUpload } from "./upload.ts";

startRace();
startMe();
startConnection();
startNodes();
startPeople();
startDrawing();
startChat();
startScores();
startInbox();
startSky();
startTower();
startFigures();
startBoard(showAirports);
startUpload();
startFailures();
startBench();

element("curl", HTMLElement).textContent =
  `curl -H "content-type: application/json" -d '{"a":1,"b":2}' ${location.origin}/rpc/add`;
