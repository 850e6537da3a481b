import { startBench } from "./bench.ts";
import { startBoard } from "./board.ts";
import { startChat } from "./chat.ts";
import { startConnection } from "./connection.ts";
import { element } from "./element.ts";
import { startFailures } from "./failures.ts";
import { startFigures } from "./figures.ts";
import { startNodes } from "./nodes.ts";
import { startRace } from "./race.ts";
import { startUpload } from "./upload.ts";

startRace();
startConnection();
startNodes();
startFigures();
startBoard();
startChat();
startUpload();
startFailures();
startBench();

element("curl", HTMLElement).textContent =
  `curl -H "content-type: application/json" -d '{"a":1,"b":2}' ${location.origin}/rpc/add`;
